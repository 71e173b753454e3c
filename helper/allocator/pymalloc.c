/* SPDX-License-Identifier: MIT
 * The invariants of struct pool_header are those that Objects/obmalloc.c keeps (init_pool, pymalloc_pool_extend,
 * pymalloc_free); the same from 3.8 to 3.15, only the size of a pool changed. */
#include "allocator/pymalloc.h"

#include <string.h>

#include "base/bits.h"
#include "base/bytes.h"

enum {
	POOL_SMALL = 4096,
	POOL_LARGE = 16384,
};

uint64_t pymalloc_pool_bytes(const struct layout *layout)
{
	return layout_feature(layout, FEATURE_LARGE_POOLS) ? POOL_LARGE : POOL_SMALL;
}

/* What a header says, if it can be one of a pool in use. */
static bool read_pool(const struct layout *layout, const uint8_t *head, uint64_t address,
                      struct pymalloc_pool *ret_pool)
{
	const uint64_t all = pymalloc_pool_bytes(layout);
	const uint64_t overhead = round_up(layout->struct_bytes[STRUCT_pool_header], PYMALLOC_ALIGNMENT);
	const uint64_t class = layout_get(layout, FIELD_pool_header_szidx, head);
	if (class >= PYMALLOC_LARGEST / PYMALLOC_ALIGNMENT)
		return false;
	const uint64_t block = (class + 1) * PYMALLOC_ALIGNMENT;
	const uint64_t next = layout_get(layout, FIELD_pool_header_nextoffset, head);
	const uint64_t used = layout_get(layout, FIELD_pool_header_ref_count, head);
	const uint64_t first_free = layout_get(layout, FIELD_pool_header_freeblock, head);
	if (layout_get(layout, FIELD_pool_header_maxnextoffset, head) != all - block || next > all ||
	    next < overhead + 2 * block || (next - overhead) % block != 0)
		return false;
	const uint64_t carved = (next - overhead) / block;
	if (used == 0 || used > carved ||
	    (first_free != 0 && (first_free - address < overhead || first_free - address >= next)))
		return false;
	*ret_pool = (struct pymalloc_pool){ .address = address,
		                            .start = address + overhead,
		                            .block_bytes = (uint32_t)block,
		                            .used = (uint32_t)used,
		                            .carved = (uint32_t)carved,
		                            .first_free = first_free };
	return true;
}

bool pymalloc_pool_at(const struct layout *layout, struct reader *reader, uint64_t address,
                      struct pymalloc_pool *ret_pool)
{
	const uint32_t head_bytes = layout->struct_bytes[STRUCT_pool_header];
	const uint64_t pool = address & ~(pymalloc_pool_bytes(layout) - 1);
	const uint8_t *head = head_bytes != 0 ? reader_at(reader, pool, head_bytes) : NULL;
	return head != NULL && read_pool(layout, head, pool, ret_pool) && address >= ret_pool->start &&
	       address - ret_pool->start < (uint64_t)ret_pool->carved * ret_pool->block_bytes;
}

bool pymalloc_free_blocks(const struct pymalloc_pool *pool, struct reader *reader,
                          uint8_t is_free[PYMALLOC_MOST_BLOCKS / 8])
{
	uint32_t count = 0;
	memset(is_free, 0, PYMALLOC_MOST_BLOCKS / 8);
	for (uint64_t at = pool->first_free; at != 0; count++) {
		const uint64_t number = (at - pool->start) / pool->block_bytes;
		if (at < pool->start || number >= pool->carved || (at - pool->start) % pool->block_bytes != 0 ||
		    bits_has(is_free, number))
			return false;
		bits_add(is_free, number);
		if (!reader_u64(reader, at, &at))
			return false;
	}
	return pool->carved - count == pool->used;
}

bool pymalloc_is_free(const struct pymalloc_pool *pool, struct reader *reader, uint32_t number)
{
	const uint64_t block = pool->start + (uint64_t)number * pool->block_bytes;
	uint64_t at = pool->first_free;
	for (uint32_t i = 0; at != 0 && i < pool->carved; i++)
		if (at == block)
			return true;
		else if (at < pool->start || !reader_u64(reader, at, &at))
			return false;
	return false;
}

void pymalloc_cursor_init(struct pymalloc_cursor *cursor, const struct layout *layout, struct reader *reader)
{
	*cursor = (struct pymalloc_cursor){ .layout = layout, .reader = reader };
}

bool pymalloc_cursor_next(struct pymalloc_cursor *cursor, struct pymalloc_pool *ret_pool)
{
	const struct address_space *space = cursor->reader->space;
	const uint64_t all = pymalloc_pool_bytes(cursor->layout);
	const uint32_t head_bytes = cursor->layout->struct_bytes[STRUCT_pool_header];
	while (head_bytes != 0 && cursor->range < space->segment_count) {
		const struct segment *range = &space->segments[cursor->range];
		if (cursor->candidate == 0)
			cursor->candidate = round_up(range->start, all);
		if (!range->writable_private || range->data == NULL || cursor->candidate < range->start ||
		    cursor->candidate >= range->end || range->end - cursor->candidate < all) {
			cursor->range++;
			cursor->candidate = 0;
			continue;
		}
		const uint64_t address = cursor->candidate;
		cursor->candidate += all;
		const uint8_t *head = reader_at(cursor->reader, address, head_bytes);
		if (head != NULL && read_pool(cursor->layout, head, address, ret_pool))
			return true;
	}
	return false;
}
