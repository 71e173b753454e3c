/* SPDX-License-Identifier: MIT
 * glibc_use: what a walk of glibc's heaps (glibc_walk.h) found: which chunks are in use, and what mallinfo2() would say
 * of them. */
#ifndef PYDS_ALLOCATOR_GLIBC_USE_H
#define PYDS_ALLOCATOR_GLIBC_USE_H

#include "allocator/glibc.h"

struct glibc_chunk { /* in use: it is in no bin, no fast bin and no thread's cache */
	uint64_t address; /* of the memory that malloc() returned */
	uint64_t bytes; /* with its header; of one mapped alone, its pages */
};

struct glibc_use { /* of an arena or of all; bytes with headers */
	uint64_t system; /* from the system: mallinfo2().arena */
	uint64_t free_blocks, free_bytes; /* in bins, tops included: ordblks; fordblks without what is fast */
	uint64_t fast_blocks, fast_bytes; /* in fast bins: smblks, fsmblks */
	uint64_t cached_blocks, cached_bytes; /* in threads' caches: malloc counts them as in use */
	uint64_t used_blocks, used_bytes; /* in use by the program, without what is cached */
	uint64_t top_bytes; /* the chunk at the end, which grows and shrinks */
	uint64_t returnable; /* whole pages that malloc_trim(0) would give back */
};

struct glibc_heap_use { /* the same order as glibc.heaps */
	uint64_t used_blocks, used_bytes;
	size_t first_place, place_count; /* of the walk's */
};

struct glibc_range { /* whole pages */
	uint64_t start, end;
};

struct glibc_walk {
	const struct glibc *glibc;
	ARRAY(uint64_t) places; /* of some chunks of each heap, the first among them, by address: glibc_chunks.h */
	ARRAY(struct glibc_chunk) mapped; /* alone, by address */
	uint64_t mapped_found_bytes; /* of these */
	struct glibc_use all;
	ARRAY(struct glibc_use) arenas; /* as glibc.arenas */
	ARRAY(struct glibc_heap_use) heaps;
	ARRAY(struct glibc_range) returnable; /* by no order */
	ARRAY(uint64_t) cached; /* chunks in caches and fast bins, by address of their memory */
	bool is_confirmed;
	const char *refusal; /* a literal: what did not fit; NULL while it is confirmed */
	uint64_t refused_at; /* an address for it; 0: none */
};

#endif
