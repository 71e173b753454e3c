/* SPDX-License-Identifier: MIT */
#include "query/tables/content.h"

#include "base/bytes.h"
#include "object/type_flags.h"

enum { BLOCK_BYTES = 1 << 16 }; /* of a long string read at once */

enum content_kind content_kind_of(struct object_reader *objects, uint64_t type, uint64_t flags)
{
	if (flags & (TPFLAGS_UNICODE_SUBCLASS | TPFLAGS_BYTES_SUBCLASS))
		return CONTENT_TEXT;
	if (flags & (TPFLAGS_LIST_SUBCLASS | TPFLAGS_TUPLE_SUBCLASS | TPFLAGS_DICT_SUBCLASS) ||
	    value_type_derives(objects, type, -1, "set") || value_type_derives(objects, type, -1, "frozenset"))
		return CONTENT_ITEMS;
	return value_type_derives(objects, type, SYMBOL_PyByteArray_Type, "bytearray") ? CONTENT_TEXT : CONTENT_NONE;
}

bool content_items(struct object_reader *objects, uint64_t object, uint64_t flags, uint64_t *ret_count)
{
	uint64_t items;
	if (flags & (TPFLAGS_LIST_SUBCLASS | TPFLAGS_TUPLE_SUBCLASS))
		return value_items(objects, object, ret_count, &items);
	if (flags & TPFLAGS_DICT_SUBCLASS)
		return value_field(objects, object, FIELD_PyDictObject_ma_used, ret_count);
	return value_field(objects, object, FIELD_PySetObject_used, ret_count);
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 29;
}

static uint64_t hash_bytes(uint64_t hash, const uint8_t *bytes, uint64_t count)
{
	for (; count >= 8; bytes += 8, count -= 8)
		hash = mix(hash, load_u64(bytes));
	uint64_t last = 0;
	for (uint64_t i = 0; i < count; i++)
		last |= (uint64_t)bytes[i] << (8 * i);
	return mix(hash, last);
}

bool content_hash(struct object_reader *objects, uint64_t type, const struct value_content *content, uint64_t key,
                  uint64_t *ret_hash)
{
	const uint64_t bytes = content->length * content->unit;
	uint64_t hash = mix(mix(mix(key, type), content->length), content->unit);
	for (uint64_t done = 0; done < bytes;) {
		const uint64_t part = bytes - done < BLOCK_BYTES ? bytes - done : BLOCK_BYTES;
		const uint8_t *block = reader_at(objects->reader, content->data + done, part);
		if (block == NULL)
			return false;
		hash = hash_bytes(hash, block, part);
		done += part;
	}
	*ret_hash = hash >> 1; /* an integer that SQL has no sign for */
	return true;
}
