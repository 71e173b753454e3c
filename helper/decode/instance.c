/* SPDX-License-Identifier: MIT
 * Instance parts: what object/instance_attributes.h finds, as runs and blocks. */
#include "decode/instance.h"

#include "decode/separate_values.h"
#include "object/instance_attributes.h"
#include "object/keys_table.h"
#include "object/type_flags.h"

/* _PyInlineValuesSize(): capacity and three bytes more, the values, insertion order bytes. */
static uint64_t inline_values_bytes(uint64_t capacity)
{
	return (capacity + 1) * 8 + round_up(capacity, 8);
}

static void emit_inline_block(struct decoder *decoder, const struct type_info *type, uint64_t address)
{
	struct keys_table keys;
	uint64_t start = address + (uint64_t)type->tp_basicsize;
	const uint8_t *head = reader_at(&decoder->reader, start, 1);
	uint64_t capacity = head != NULL ? *head : 0;
	if (!keys_table_read(&decoder->objects, type->instance.cached_keys, &keys) || capacity == 0)
		return;
	/* Room was asked for before the class's keys gave up one of their names for the next instance, which they do as
	 * long as they have two (_PyObject_InitInlineValues). */
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

static void decode_managed(struct decoder *decoder, const struct type_info *type, uint64_t address)
{
	struct instance_attributes attributes;
	if (!instance_attributes(&decoder->objects, &type->instance, address, &attributes))
		return;
	if (attributes.problem != NULL)
		flag_object(decoder, attributes.is_absent ? DECODED_UNREADABLE : DECODED_CORRUPT, attributes.problem);
	const struct layout *layout = decoder->layout;
	bool is_inline = layout_feature(layout, FEATURE_INLINE_VALUES);
	/* A dict that was made of inline values shares them with the instance, which visits only one of the two. */
	bool has_both = is_inline && attributes.values != 0 && attributes.dict != 0;
	bool dict_first = layout_feature(layout, FEATURE_MANAGED_DICT_VISITED_FIRST);
	if (attributes.values != 0)
		emit_run(decoder, attributes.values, attributes.values_count,
		         (struct run_kind){ .stride = 8,
		                            .label = LABEL_SPLIT_VALUE,
		                            .flags = RUN_ATTRIBUTE | (has_both ? RUN_OF_DICT : 0) |
		                                     (has_both && dict_first ? RUN_HIDDEN : 0),
		                            .argument = type->instance.cached_keys });
	if (is_inline && type->tp_flags & TPFLAGS_INLINE_VALUES) {
		emit_inline_block(decoder, type, address);
	} else if (attributes.values != 0) {
		struct keys_table keys;
		if (keys_table_read(&decoder->objects, type->instance.cached_keys, &keys))
			emit_separate_values(decoder, &keys, attributes.values, 0, "attribute values", 0);
	}
	if (attributes.dict != 0)
		emit_run(decoder, attributes.dict_slot, 1,
		         (struct run_kind){ .stride = 8,
		                            .label = LABEL_DICT,
		                            .flags = RUN_DICT | (has_both && !dict_first ? RUN_HIDDEN : 0) });
}

void decode_instance_parts(struct decoder *decoder, const struct type_info *type, uint64_t address)
{
	for (uint32_t i = 0; i < type->slots_count && decoder_wants_runs(decoder); i++)
		emit_run(decoder, address + type->slots[i].offset, type->slots[i].count,
		         (struct run_kind){ .stride = 8,
		                            .label = LABEL_SLOT,
		                            .flags = RUN_ATTRIBUTE,
		                            .argument = type->slots[i].members });
	if (layout_feature(decoder->layout, FEATURE_MANAGED_DICT) && type->tp_flags & TPFLAGS_MANAGED_DICT) {
		decode_managed(decoder, type, address);
		return;
	}
	uint64_t slot = 0;
	if (type->dict_offset != 0) {
		slot = address + type->dict_offset;
	} else if (type->dict_at_end) {
		slot = instance_dict_slot_at_end(&decoder->objects, &type->instance, address);
		if (slot == 0)
			flag_object(decoder, DECODED_CORRUPT, "impossible ob_size");
	}
	if (slot != 0)
		emit_run(decoder, slot, 1, (struct run_kind){ .stride = 8, .label = LABEL_DICT, .flags = RUN_DICT });
}
