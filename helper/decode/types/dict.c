/* SPDX-License-Identifier: MIT
 * dict: a keys table, and for a split one an array of values of its own. __sizeof__ counts the table only if nobody
 * else shares it. dict_traverse visits keys only of tables whose keys may be anything: a str refers to nothing
 * (Objects/dictobject.c dict_traverse, _PyDict_SizeOf). */
#include "decode/separate_values.h"
#include "decode/decode_functions.h"
#include "decode/emit.h"

#include "object/keys_table.h"

/* A split table: values by entry, and the keys of those that are set. */
static void decode_split(struct decoder *decoder, const struct keys_table *keys, uint64_t values)
{
	const struct layout *layout = decoder->layout;
	bool has_head =
	        layout_feature(layout, FEATURE_INLINE_VALUES); /* 3.13+: capacity, size, embedded, valid first */
	uint64_t first = values + (has_head ? layout_offset(layout, FIELD_PyDictValues_values) : 0);
	uint64_t counted = keys->usable + keys->entry_count;
	if (!layout_feature(layout, FEATURE_SPLIT_DICT_VALUES_COUNTED_BY_USABLE))
		counted = (keys->bytes - (keys->entries - keys->address)) / keys->entry_bytes;
	decoder->out.shallow += 8 * counted;
	const uint8_t *head = has_head ? reader_at(&decoder->reader, values, first - values) : NULL;
	bool is_separate = !has_head || (head != NULL && head[layout_offset(layout, FIELD_PyDictValues_embedded)] == 0);
	if (is_separate)
		emit_separate_values(decoder, keys, values, counted, "values", BLOCK_COUNTED);
	/* Those inside an instance that the instance visits itself, the dict does not (dict_traverse, gh-130327). */
	bool is_hidden = !is_separate && !layout_feature(layout, FEATURE_MANAGED_DICT_VISITED_FIRST);
	emit_run(decoder, first, keys->entry_count,
	         (struct run_kind){ .stride = 8,
	                            .label = LABEL_SPLIT_VALUE,
	                            .flags = RUN_ITEM | (is_hidden ? RUN_HIDDEN : 0),
	                            .argument = keys->address });
	const uint8_t *words = keys->entry_count > 0 ? reader_at(&decoder->reader, first, 8 * keys->entry_count) : NULL;
	for (uint64_t i = 0; words != NULL && i < keys->entry_count;) {
		uint64_t from = i;
		while (i < keys->entry_count && load_u64(words + 8 * i) != 0)
			i++;
		emit_run(decoder, keys->entries + from * keys->entry_bytes + keys->key_offset, i - from,
		         (struct run_kind){ .stride = keys->entry_bytes,
		                            .label = LABEL_DICT_KEY,
		                            .flags = RUN_ITEM | RUN_HIDDEN | RUN_SHARED_KEYS,
		                            .argument = keys->address });
		i++;
	}
}

void decode_dict(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	(void)address;
	uint64_t used = body_u64(decoder, FIELD_PyDictObject_ma_used, body);
	uint64_t values = body_u64(decoder, FIELD_PyDictObject_ma_values, body);
	struct keys_table keys;
	if (!keys_table_read(&decoder->objects, body_u64(decoder, FIELD_PyDictObject_ma_keys, body), &keys)) {
		flag_object(decoder, DECODED_CORRUPT, "its keys table is unreadable or impossible");
		return;
	}
	bool is_own = keys.reference_count == 1;
	if (is_own)
		decoder->out.shallow += keys.bytes;
	emit_block(decoder, keys.address, keys.bytes, "keys table", is_own ? BLOCK_COUNTED : BLOCK_SHARED);
	if (used > keys.entry_count)
		flag_object(decoder, DECODED_IN_FLUX, "the dict is being resized");
	if (values != 0) {
		decode_split(decoder, &keys, values);
		return;
	}
	emit_run(decoder, keys.entries + keys.value_offset, keys.entry_count,
	         (struct run_kind){ .stride = keys.entry_bytes,
	                            .label = LABEL_DICT_VALUE,
	                            .flags = RUN_ITEM,
	                            .argument = keys.value_offset - keys.key_offset });
	emit_run(decoder, keys.entries + keys.key_offset, keys.entry_count,
	         (struct run_kind){ .stride = keys.entry_bytes,
	                            .label = LABEL_DICT_KEY,
	                            .flags = RUN_ITEM | (keys.keys_are_visited ? 0 : RUN_HIDDEN) });
}
