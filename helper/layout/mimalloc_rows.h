/* SPDX-License-Identifier: MIT
 * mimalloc_rows: where fields lie in the mimalloc that a library was linked with (pyarrow's), by its versions: release
 * builds for 64 bits, whose lists of free blocks are plain pointers. From include/mimalloc/types.h of each version
 * (2.0: include/mimalloc-types.h). Which of them a process has is told by structure, never by a name. The copy in
 * free-threaded CPython has tables of its own (fields.def). */
#ifndef PYDS_LAYOUT_MIMALLOC_ROWS_H
#define PYDS_LAYOUT_MIMALLOC_ROWS_H

#include <stdbool.h>
#include <stdint.h>

/* How a page says where its blocks begin. */
enum mimalloc_start {
	MIMALLOC_START_BY_SLICE, /* at its first slice, 128 bytes behind it for blocks of up to 1024 */
	MIMALLOC_START_POINTER, /* a pointer */
	MIMALLOC_START_WORDS, /* words from the page's own description, 32 bits */
};

struct mimalloc_row {
	const char *versions; /* "2.0" */
	/* mi_page_t */
	uint8_t page_bytes, capacity, used, used_bytes, free, local_free, thread_free, block_size, block_size_bytes;
	uint8_t start_kind; /* enum mimalloc_start */
	uint8_t start;
	/* Version 2: segments, aligned to their size, that begin with mi_segment_t and an array of mi_page_t. */
	uint32_t segment_bytes; /* 0: version 3 */
	uint16_t cookie, segment_slices, info_slices, slice_entries, slices;
	/* Version 3: pages lie in arenas, or have memory of their own; mi_memid_t says which. */
	uint8_t memory_id; /* of mi_page_t */
	uint8_t arena_slices; /* of mi_arena_t, which the arena begins with: how many slices it has */
};

enum { MIMALLOC_ROWS = 5 };

extern const struct mimalloc_row mimalloc_rows[MIMALLOC_ROWS];

#endif
