/* SPDX-License-Identifier: MIT
 * mimalloc_pools: the mimalloc that a library was linked with (pyarrow's pool by default since 18), found and confirmed
 * by structure, with the layout that fits (layout/mimalloc_rows.h). Version 3 has a map of its pages: one word for each
 * 64 KiB of address space, in two levels (src/page-map.c); its first word names the submap right behind itself, by
 * which it is told, and each page must be where the map has it. Version 2 has segments at multiples of their size that
 * describe their pages one after the other to the end, and a word that is their address in a secret (src/segment.c).
 * The copy in free-threaded CPython is allocator/mimalloc. */
#ifndef PYDS_ALLOCATOR_MIMALLOC_POOLS_H
#define PYDS_ALLOCATOR_MIMALLOC_POOLS_H

#include <stdbool.h>
#include <stdint.h>

#include "layout/mimalloc_rows.h"
#include "memory/address_space.h"

enum { MIMALLOC_FREE_LISTS = 3, MIMALLOC_POOL_BLOCKS = 1 << 16 };

struct mimalloc_pools {
	const struct mapped_file *file; /* NULL: none found, or it could not be confirmed */
	const struct mimalloc_row *row;
	const struct address_space *space;
	uint64_t page_map; /* version 3 */
	uint64_t cookie; /* version 2: what a segment's address and its word have in common */
};

struct mimalloc_pool_page {
	uint64_t start, block_bytes;
	uint64_t area_start, area_end; /* what was mapped for it: a segment, an arena, or memory of its own */
	uint64_t free[MIMALLOC_FREE_LISTS]; /* first block of each list; 0: empty */
	uint32_t capacity, used; /* blocks that were ever given out; given out now, or freed by another thread */
};

/* Reads little: variables of libraries that are known to have one, and some pages. */
void mimalloc_pools_find(struct mimalloc_pools *pools, const struct address_space *space);
/* The page whose blocks up to its capacity hold address; false: none. */
bool mimalloc_pools_page_at(const struct mimalloc_pools *pools, struct reader *reader, uint64_t address,
                            struct mimalloc_pool_page *ret_page);

/* Walks all pages in order of address. About 8 KiB: one is enough. */
struct mimalloc_pools_cursor {
	const struct mimalloc_pools *pools;
	struct reader *reader;
	size_t range; /* of space->segments */
	uint64_t next; /* address: which slice of the map, or which segment, comes next */
	uint64_t looks; /* parts of the map, or places of segments, that were looked at */
	uint64_t segment; /* version 2; 0: none */
	uint32_t slice; /* of segment */
	uint64_t last; /* the page before: its description */
	struct mimalloc_pool_page page;
	uint32_t used; /* blocks of page in use: those that are in no list */
	uint8_t is_free[MIMALLOC_POOL_BLOCKS / 8]; /* by block of page */
	bool is_broken; /* the lists of page do not close, or do not sum up */
};
void mimalloc_pools_cursor_init(struct mimalloc_pools_cursor *cursor, const struct mimalloc_pools *pools,
                                struct reader *reader);
bool mimalloc_pools_cursor_next(struct mimalloc_pools_cursor *cursor);

#endif
