/* SPDX-License-Identifier: MIT
 * mimalloc: pages of the allocator that free-threaded builds use for everything (3.13+, PEP 703). A page holds blocks
 * of one size, of one of four heaps; which one says whether the blocks are objects that the collector looks at.
 *
 * Heaps and their queues of pages are not followed: those of threads that have ended are kept elsewhere, and where
 * differs by version. All pages lie in segments, which begin at multiples of 32 MiB and describe themselves. */
#ifndef PYDS_ALLOCATOR_MIMALLOC_H
#define PYDS_ALLOCATOR_MIMALLOC_H

#include <stdbool.h>
#include <stdint.h>

#include "layout/layout.h"
#include "memory/address_space.h"

/* _Py_mimalloc_heap_id (Include/internal/pycore_mimalloc.h). */
enum mimalloc_heap {
	MIMALLOC_HEAP_MEM, /* PyMem_Malloc, and since 3.15 PyMem_RawMalloc: no objects */
	MIMALLOC_HEAP_OBJECT, /* objects that are not the collector's business */
	MIMALLOC_HEAP_GC, /* such that are */
	MIMALLOC_HEAP_GC_PRE, /* such that have two words (dict and weak references) in front */
};

struct mimalloc_page {
	uint64_t address; /* mi_page_t, in its segment */
	uint64_t start; /* of block 0 */
	uint64_t block_bytes;
	uint32_t capacity; /* blocks that were ever given out or are free; behind them is memory not yet used */
	uint32_t slices; /* of 64 KiB that it takes */
	enum mimalloc_heap heap;
};

/* The page whose blocks begin before address and end behind it; false: none. */
bool mimalloc_page_at(const struct layout *layout, struct reader *reader, uint64_t address,
                      struct mimalloc_page *ret_page);

/* What debug builds add to a request, to see whether the end of a block was written to. */
uint64_t mimalloc_padding(const struct layout *layout);

/* Bytes of the blocks of the page that a request, with padding, is served from. Requests of more than 128 KiB have a
 * page of their own: *ret_slack is what such a page may have beyond; 0 for smaller ones. */
uint64_t mimalloc_block_bytes(uint64_t requested, uint64_t *ret_slack);

/* Whether the block of that number is free. Blocks that another thread freed while the page was full may wait
 * elsewhere, and are not. */
bool mimalloc_is_free(const struct layout *layout, struct reader *reader, const struct mimalloc_page *page,
                      uint32_t number);

enum { MIMALLOC_MOST_BLOCKS = 1 << 16 }; /* capacity has 16 bits */

/* Walks the tracked objects of all heaps of the process, or all pages. About 8 KiB: one is enough. */
struct mimalloc_cursor {
	const struct layout *layout;
	struct reader *reader;
	size_t range; /* of space->segments, that candidates are taken from */
	uint64_t candidate; /* next address that may begin a segment; 0: take the next range */
	uint64_t candidates;
	uint64_t segment; /* mi_segment_t; 0: none */
	uint64_t segment_bytes;
	uint32_t slice, slice_entries; /* of the segment */
	struct mimalloc_page page;
	uint32_t block; /* next of page */
	uint8_t is_free[MIMALLOC_MOST_BLOCKS / 8]; /* by block of page */
	bool is_broken; /* some segment or list of free blocks is not as it must be; the walk went on without it */
};
void mimalloc_cursor_init(struct mimalloc_cursor *cursor, const struct layout *layout, struct reader *reader);
/* The next object that the collector tracks; 0 at the end. *ret_gc_bits: its ob_gc_bits. */
uint64_t mimalloc_cursor_next(struct mimalloc_cursor *cursor, uint8_t *ret_gc_bits);
/* The next page of any heap, as cursor->page, with its free blocks in cursor->is_free; false at the end. One cursor
 * walks objects or pages, not both. */
bool mimalloc_cursor_next_page(struct mimalloc_cursor *cursor);

#endif
