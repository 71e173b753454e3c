/* SPDX-License-Identifier: MIT
 * glibc_layout: the structures of glibc's malloc (malloc/malloc.c, arena.c) on 64-bit targets, 2.26 to 2.43. Which of
 * them a target has is told by the target itself, never by a version: glibc_find.c. Offsets in bytes. */
#ifndef PYDS_ALLOCATOR_GLIBC_LAYOUT_H
#define PYDS_ALLOCATOR_GLIBC_LAYOUT_H

#include <stdint.h>

enum {
	GLIBC_BINS = 127, /* bin 1 (unsorted) to 127 */
	GLIBC_FAST_BINS = 10,
	GLIBC_CHUNK_HEADER = 16, /* prev_size and size */
	GLIBC_CHUNK_SMALLEST = 32,
	GLIBC_CHUNK_ALIGNMENT = 16,
	GLIBC_PREV_INUSE = 1,
	GLIBC_IS_MMAPPED = 2,
	GLIBC_NON_MAIN_ARENA = 4,
	GLIBC_FLAGS = 7,
	GLIBC_FD = 16,
	GLIBC_BK = 24,
	GLIBC_NONCONTIGUOUS = 2, /* malloc_state.flags */
	GLIBC_PAGE = 4096,
	GLIBC_HEAP_MAX = 64 << 20, /* HEAP_MAX_SIZE; other arenas' heaps are aligned to it */
};

/* struct malloc_state. */
struct glibc_state_layout {
	uint16_t flags;
	uint16_t fast_bins; /* 0: none, since 2.43 */
	uint16_t top, bins, next, attached, system_mem, bytes;
};

/* struct malloc_par. */
struct glibc_par_layout {
	uint16_t n_mmaps, n_mmaps_max; /* int */
	uint16_t mmapped_mem, sbrk_base, tcache_bins, tcache_count;
	uint16_t bytes;
	uint8_t mmapped_left_out; /* of the size in the header of a mapped chunk: 16 since 2.43, else 0 */
};

/* struct tcache_perthread_struct, told by the size of its chunk. */
struct glibc_tcache_layout {
	uint16_t chunk_bytes;
	uint16_t entries; /* offset of the heads of the lists */
	uint16_t small_bins; /* of chunks of 32, 48, ... bytes */
	uint16_t bins;
	uint8_t count_bytes;
	uint8_t counts_down; /* slots left, not entries */
};

extern const struct glibc_state_layout glibc_state_layouts[];
extern const unsigned glibc_state_layout_count;
extern const struct glibc_par_layout glibc_par_layouts[];
extern const unsigned glibc_par_layout_count;
extern const struct glibc_tcache_layout glibc_tcache_layouts[];
extern const unsigned glibc_tcache_layout_count;

#endif
