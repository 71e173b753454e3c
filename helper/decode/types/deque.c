/* SPDX-License-Identifier: MIT
 * deque: a doubly linked list of blocks of 64 items. The first is used from leftindex, the last up to rightindex
 * (Modules/_collectionsmodule.c deque_traverse, deque_sizeof). */
#include "decode/decode_functions.h"
#include "decode/chain.h"

/* 3.11+: up to 16 empty blocks kept for reuse; __sizeof__ leaves them out. */
static void emit_free_blocks(struct decoder *decoder, struct body body)
{
	const struct layout *layout = decoder->layout;
	if (!layout_has(layout, FIELD_dequeobject_freeblocks))
		return;
	const struct layout_place *blocks = &layout->fields[FIELD_dequeobject_freeblocks];
	uint64_t count = body_u64(decoder, FIELD_dequeobject_numfreeblocks, body);
	if (count > blocks->size / 8)
		count = blocks->size / 8;
	for (uint64_t i = 0; i < count; i++)
		emit_block(decoder, body_word(body, blocks->offset + 8 * (uint32_t)i),
		           layout->struct_bytes[STRUCT_BLOCK], "free block", 0);
}

/* One block's items; the first of them is number first_index of the deque. */
static void emit_items(struct decoder *decoder, uint64_t address, uint64_t count, uint64_t first_index)
{
	size_t before = decoder->out.runs.count;
	emit_run(decoder, address, count, (struct run_kind){ .stride = 8, .label = LABEL_ITEM, .flags = RUN_ITEM });
	for (size_t i = before; i < decoder->out.runs.count; i++)
		decoder->out.runs.items[i].first_index += first_index;
}

void decode_deque(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	(void)address;
	const struct layout *layout = decoder->layout;
	uint32_t block_bytes = layout->struct_bytes[STRUCT_BLOCK];
	uint64_t capacity = layout->fields[FIELD_BLOCK_data].size / 8; /* items a block */
	uint64_t left = body_u64(decoder, FIELD_dequeobject_leftindex, body);
	int64_t length = body_ob_size(decoder, body);
	emit_free_blocks(decoder, body);
	if (block_bytes == 0 || capacity == 0 || length < 0 || left > capacity || length > INT64_MAX / 2) {
		flag_object(decoder, DECODED_CORRUPT, "impossible length");
		return;
	}
	uint64_t blocks = (left + (uint64_t)length + capacity - 1) / capacity;
	if (blocks > chain_limit(decoder, block_bytes)) {
		flag_object(decoder, DECODED_CORRUPT, "impossible length");
		return;
	}
	decoder->out.shallow += blocks * block_bytes;
	uint64_t block = body_u64(decoder, FIELD_dequeobject_leftblock, body);
	uint64_t remaining = (uint64_t)length, index = 0;
	for (uint64_t i = 0; i < blocks; i++) {
		uint64_t next;
		if (!reader_u64(&decoder->reader, block + layout_offset(layout, FIELD_BLOCK_rightlink), &next)) {
			flag_object(decoder, DECODED_UNREADABLE, "a block of it cannot be read");
			return;
		}
		uint64_t fitting = capacity - left < remaining ? capacity - left : remaining;
		emit_block(decoder, block, block_bytes, "block", BLOCK_COUNTED);
		emit_items(decoder, block + layout_offset(layout, FIELD_BLOCK_data) + 8 * left, fitting, index);
		remaining -= fitting;
		index += fitting;
		left = 0;
		block = next;
	}
}
