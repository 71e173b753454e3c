/* SPDX-License-Identifier: MIT */
#include "decode/separate_values.h"

/* 3.11 and 3.12: a prefix of insertion order bytes, its length in the byte before the values. It tells within a word
 * how many values there was room for: as many as the class still had names for when the array was made (new_values). */
static void emit_prefixed_values(struct decoder *decoder, uint64_t values, struct block *block)
{
	const uint8_t *last = reader_at(&decoder->reader, values - 1, 1);
	if (last == NULL || *last < sizeof(uint64_t) || *last % sizeof(uint64_t) != 0)
		return;
	const uint64_t prefix = *last, room = prefix - 2;
	const uint64_t least = prefix > sizeof(uint64_t) ? room - (sizeof(uint64_t) - 1) : 0;
	block->address = values - prefix;
	block->uncounted = prefix;
	block->bytes = prefix + (block->bytes < 8 * room ? block->bytes : 8 * room);
	if (block->bytes < prefix + 8 * least)
		block->bytes = prefix + 8 * least;
	block->most = prefix + 8 * room;
	emit_whole_block(decoder, block);
}

void emit_separate_values(struct decoder *decoder, const struct keys_table *keys, uint64_t values, uint64_t counted,
                          const char *role, uint32_t flags)
{
	const struct layout *layout = decoder->layout;
	const uint64_t bytes = 8 * (flags & BLOCK_COUNTED ? counted : keys->entry_count + keys->usable);
	struct block block = { .address = values, .bytes = bytes, .most = bytes, .role = role, .flags = flags };
	if (layout_feature(layout, FEATURE_INLINE_VALUES)) {
		/* 3.13+: capacity and three bytes more, the values, insertion order bytes; made when a dict lost its
		 * instance. */
		const uint8_t *head = reader_at(&decoder->reader, values, sizeof(uint64_t));
		if (head == NULL)
			return;
		const uint64_t capacity = head[layout_offset(layout, FIELD_PyDictValues_capacity)];
		block.bytes = block.most = layout_offset(layout, FIELD_PyDictValues_values) + 8 * capacity +
		                           round_up(capacity, sizeof(uint64_t));
		block.uncounted = block.bytes > bytes ? block.bytes - bytes : 0;
		emit_whole_block(decoder, &block);
	} else if (layout_feature(layout, FEATURE_MANAGED_DICT)) {
		emit_prefixed_values(decoder, values, &block);
	} else {
		emit_whole_block(decoder, &block);
	}
}
