/* SPDX-License-Identifier: MIT
 * Instance parts by version: a dict pointer at tp_dictoffset; 3.11: two words before the GC head, PyDictValues * and
 * dict; 3.12: one word that is either, told apart by bit 0; 3.13+: the dict word, and values right after the body
 * (Include/internal/pycore_object.h, pycore_dict.h of each). */
#include "decode/instance.h"

#include "decode/keys_table.h"
#include "decode/type_flags.h"

/* In words before the object. Behind the GC head in GIL builds, directly before the object in free-threaded ones. */
static uint64_t managed_word(const struct decoder *decoder, uint64_t address, unsigned words_before_head)
{
	uint64_t head = layout_feature(decoder->layout, FEATURE_FREE_THREADED) ? 0 : 16;
	return address - head - 8 * (uint64_t)words_before_head;
}

/* How many values a class's shared keys give a name to. */
static uint64_t shared_entry_count(struct decoder *decoder, const struct type_info *type)
{
	struct keys_table keys;
	return keys_table_read(decoder, type->cached_keys, &keys) ? keys.entry_count : 0;
}

static void read_inline_values(struct decoder *decoder, const struct type_info *type, uint64_t address,
                               struct instance_attributes *attributes)
{
	const struct layout *layout = decoder->layout;
	uint64_t values = address + (uint64_t)type->tp_basicsize;
	uint32_t first = layout_offset(layout, FIELD_PyDictValues_values);
	const uint8_t *head = reader_at(&decoder->reader, values, first);
	if (head == NULL || head[layout_offset(layout, FIELD_PyDictValues_valid)] == 0)
		return;
	attributes->values = values + first;
	attributes->values_count = head[layout_offset(layout, FIELD_PyDictValues_capacity)];
}

static void read_managed(struct decoder *decoder, const struct type_info *type, uint64_t address,
                         struct instance_attributes *attributes)
{
	const struct layout *layout = decoder->layout;
	uint64_t word = 0, values = 0;
	attributes->dict_slot = managed_word(decoder, address, 1);
	if (!reader_u64(&decoder->reader, attributes->dict_slot, &word)) {
		flag_object(decoder, DECODED_UNREADABLE, "the words before it are not in the dump");
		return;
	}
	attributes->dict = word;
	if (layout_feature(layout, FEATURE_INLINE_VALUES)) {
		if (type->tp_flags & TPFLAGS_INLINE_VALUES)
			read_inline_values(decoder, type, address, attributes);
		return;
	}
	if (layout_feature(layout, FEATURE_TAGGED_DICT_OR_VALUES)) {
		if ((word & 1) == 0)
			return;
		attributes->dict = 0;
		values = word + 1; /* the pointer is stored minus one (_PyDictOrValues_SetValues) */
	} else if (!reader_u64(&decoder->reader, managed_word(decoder, address, 2), &values)) {
		return;
	}
	if (values != 0) {
		attributes->values = values;
		attributes->values_count = shared_entry_count(decoder, type);
	}
}

/* tp_dictoffset < 0: the word at the end of the variable part (Objects/object.c _PyObject_GetDictPtr, up to 3.11). */
static uint64_t dict_slot_at_end(struct decoder *decoder, const struct type_info *type, uint64_t address,
                                 const uint8_t *body)
{
	int64_t count = body_ob_size(decoder, body);
	uint64_t items, size;
	if (!checked_multiply(count < 0 ? 0 - (uint64_t)count : (uint64_t)count, (uint64_t)type->tp_itemsize, &items) ||
	    !checked_add(items, (uint64_t)type->tp_basicsize + 8, &size) || size > INT64_MAX) {
		flag_object(decoder, DECODED_CORRUPT, "impossible ob_size");
		return 0;
	}
	return address + round_up(size - 8, 8) + (uint64_t)type->tp_dictoffset;
}

bool instance_attributes(struct decoder *decoder, const struct type_info *type, uint64_t address, const uint8_t *body,
                         struct instance_attributes *ret_attributes)
{
	*ret_attributes = (struct instance_attributes){ 0 };
	if (layout_feature(decoder->layout, FEATURE_MANAGED_DICT) && type->tp_flags & TPFLAGS_MANAGED_DICT) {
		read_managed(decoder, type, address, ret_attributes);
		return true;
	}
	if (type->tp_dictoffset > 0)
		ret_attributes->dict_slot = address + (uint64_t)type->tp_dictoffset;
	else if (type->tp_dictoffset < 0)
		ret_attributes->dict_slot = dict_slot_at_end(decoder, type, address, body);
	return ret_attributes->dict_slot != 0 &&
	       reader_u64(&decoder->reader, ret_attributes->dict_slot, &ret_attributes->dict);
}

/* _PyInlineValuesSize(): capacity and three bytes more, the values, insertion order bytes. */
static uint64_t inline_values_bytes(uint64_t capacity)
{
	return (capacity + 1) * 8 + round_up(capacity, 8);
}

static void decode_managed(struct decoder *decoder, const struct type_info *type, uint64_t address, const uint8_t *body)
{
	struct instance_attributes attributes;
	if (!instance_attributes(decoder, type, address, body, &attributes))
		return;
	const struct layout *layout = decoder->layout;
	bool is_inline = layout_feature(layout, FEATURE_INLINE_VALUES);
	/* A dict that was made of inline values shares them with the instance, which visits only one of the two. */
	bool has_both = is_inline && attributes.values != 0 && attributes.dict != 0;
	bool dict_first = layout_feature(layout, FEATURE_MANAGED_DICT_VISITED_FIRST);
	if (attributes.values != 0)
		emit_run(decoder, attributes.values, attributes.values_count, 8, LABEL_SPLIT_VALUE,
		         RUN_ATTRIBUTE | (has_both ? RUN_OF_DICT : 0) | (has_both && dict_first ? RUN_HIDDEN : 0),
		         type->cached_keys);
	if (is_inline && type->tp_flags & TPFLAGS_INLINE_VALUES) {
		struct keys_table keys;
		uint64_t start = address + (uint64_t)type->tp_basicsize;
		const uint8_t *head = reader_at(&decoder->reader, start, 1);
		uint64_t capacity = head != NULL ? *head : 0;
		if (keys_table_read(decoder, type->cached_keys, &keys) && capacity != 0) {
			/* Room was asked for before the class's keys gave up one of their names for the next instance,
			 * which they do as long as they have two (_PyObject_InitInlineValues). */
			const uint64_t before = inline_values_bytes(capacity + 1);
			const struct block block = {
				.address = start,
				.bytes = keys.usable > 1 ? before : inline_values_bytes(capacity),
				.most = before,
				.role = "inline attribute values",
				.flags = BLOCK_INTERIOR,
			};
			emit_whole_block(decoder, &block);
		}
	} else if (attributes.values != 0) {
		struct keys_table keys;
		if (keys_table_read(decoder, type->cached_keys, &keys))
			emit_separate_values(decoder, &keys, attributes.values, 0, "attribute values", 0);
	}
	if (attributes.dict != 0)
		emit_run(decoder, attributes.dict_slot, 1, 8, LABEL_DICT,
		         RUN_DICT | (has_both && !dict_first ? RUN_HIDDEN : 0), 0);
}

void decode_instance_parts(struct decoder *decoder, const struct type_info *type, uint64_t address, const uint8_t *body)
{
	for (uint32_t i = 0; i < type->slots_count; i++)
		emit_run(decoder, address + type->slots[i].offset, type->slots[i].count, 8, LABEL_SLOT, RUN_ATTRIBUTE,
		         type->slots[i].members);
	if (layout_feature(decoder->layout, FEATURE_MANAGED_DICT) && type->tp_flags & TPFLAGS_MANAGED_DICT) {
		decode_managed(decoder, type, address, body);
		return;
	}
	uint64_t slot = 0;
	if (type->dict_offset != 0)
		slot = address + type->dict_offset;
	else if (type->dict_at_end)
		slot = dict_slot_at_end(decoder, type, address, body);
	if (slot != 0)
		emit_run(decoder, slot, 1, 8, LABEL_DICT, RUN_DICT, 0);
}
