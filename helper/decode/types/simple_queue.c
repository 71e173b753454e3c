/* SPDX-License-Identifier: MIT
 * queue.SimpleQueue: a list up to 3.12, a ring buffer of its own since 3.13 (Modules/_queuemodule.c). */
#include "decode/decode_functions.h"
#include "decode/emit.h"

void decode_simple_queue(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	(void)address;
	const struct layout *layout = decoder->layout;
	if (!layout_has(layout, FIELD_simplequeueobject_buf_items))
		return;
	uint64_t items = body_u64(decoder, FIELD_simplequeueobject_buf_items, body);
	uint64_t capacity = body_u64(decoder, FIELD_simplequeueobject_buf_items_cap, body);
	uint64_t count = body_u64(decoder, FIELD_simplequeueobject_buf_num_items, body);
	uint64_t first = body_u64(decoder, FIELD_simplequeueobject_buf_get_idx, body);
	if (items == 0)
		return;
	if (capacity > INT64_MAX / 16 || count > capacity || first > capacity) {
		flag_object(decoder, DECODED_CORRUPT, "impossible length");
		return;
	}
	bool is_counted = layout_feature(layout, FEATURE_SIMPLE_QUEUE_SIZEOF);
	if (is_counted)
		decoder->out.shallow += 8 * capacity;
	emit_block(decoder, items, 8 * capacity, "ring", is_counted ? BLOCK_COUNTED : 0);
	uint64_t until_end = capacity - first < count ? capacity - first : count;
	emit_run(decoder, items + 8 * first, until_end, (struct run_kind){ .stride = 8, .label = LABEL_ITEM });
	emit_run(decoder, items, count - until_end, (struct run_kind){ .stride = 8, .label = LABEL_ITEM });
}
