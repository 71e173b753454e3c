/* SPDX-License-Identifier: MIT
 * pymalloc: the pools of the allocator that builds with a GIL use for up to 512 bytes (Objects/obmalloc.c). A pool is
 * aligned to its size, holds blocks of one size, and describes itself in its first bytes, so that no table of arenas is
 * needed to recognise it: such tables are static up to 3.11, later one of each interpreter with a lock of its own. */
#ifndef PYDS_ALLOCATOR_PYMALLOC_H
#define PYDS_ALLOCATOR_PYMALLOC_H

#include <stdbool.h>
#include <stdint.h>

#include "layout/layout.h"
#include "memory/address_space.h"

enum {
	PYMALLOC_LARGEST = 512, /* SMALL_REQUEST_THRESHOLD */
	PYMALLOC_ALIGNMENT = 16, /* 64-bit, since 3.7.4 (bpo-27987) */
	PYMALLOC_MOST_BLOCKS = 1024, /* more than 16 KiB hold of 16 bytes */
};

struct pymalloc_pool {
	uint64_t address;
	uint64_t start; /* of block 0 */
	uint32_t block_bytes;
	uint32_t used; /* blocks given out, as the pool itself says */
	uint32_t carved; /* blocks that were ever given out; behind them is memory not yet used */
	uint64_t first_free; /* 0: none */
};

/* 4 KiB up to 3.9, then 16 KiB. */
uint64_t pymalloc_pool_bytes(const struct layout *layout);

/* The pool in use that holds address; false: none does. */
bool pymalloc_pool_at(const struct layout *layout, struct reader *reader, uint64_t address,
                      struct pymalloc_pool *ret_pool);

/* The bytes of a block for a request of 1 to PYMALLOC_LARGEST bytes. */
static inline uint64_t pymalloc_block_bytes(uint64_t requested)
{
	return round_up(requested == 0 ? 1 : requested, PYMALLOC_ALIGNMENT);
}

/* One bit for each block that is carved and free. False if the free list is not as it must be, or does not agree with
 * pool->used: the pool was torn at the moment of the dump, or somebody wrote to freed memory. */
bool pymalloc_free_blocks(const struct pymalloc_pool *pool, struct reader *reader,
                          uint8_t is_free[PYMALLOC_MOST_BLOCKS / 8]);
/* Whether the block of that number is on the free list. */
bool pymalloc_is_free(const struct pymalloc_pool *pool, struct reader *reader, uint32_t number);

/* All pools in use of a process, of all its interpreters. */
struct pymalloc_cursor {
	const struct layout *layout;
	struct reader *reader;
	size_t range; /* of the space's segments */
	uint64_t candidate; /* next address that may begin a pool; 0: take the next range */
};
void pymalloc_cursor_init(struct pymalloc_cursor *cursor, const struct layout *layout, struct reader *reader);
bool pymalloc_cursor_next(struct pymalloc_cursor *cursor, struct pymalloc_pool *ret_pool);

#endif
