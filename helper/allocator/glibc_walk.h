/* SPDX-License-Identifier: MIT
 * glibc_walk: every chunk of glibc's heaps, and what mallinfo2() would say of them. A walk is confirmed if each heap's
 * chunks end exactly where they must, the free ones are those in the bins, and all sums equal what malloc counted
 * itself; otherwise `refusal` says what did not fit, and no number of it is to be shown as fact. */
#ifndef PYDS_ALLOCATOR_GLIBC_WALK_H
#define PYDS_ALLOCATOR_GLIBC_WALK_H

#include "allocator/glibc.h"
#include "base/progress.h"

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
	size_t first_chunk, chunk_count; /* while the walk goes on: in its list, with those that are cached */
};

struct glibc_range { /* whole pages */
	uint64_t start, end;
};

struct glibc_walk {
	const struct glibc *glibc;
	ARRAY(struct glibc_chunk) chunks; /* by address; those that are mapped alone behind the others */
	size_t mapped_first; /* index of the first mapped alone */
	uint64_t mapped_found, mapped_found_bytes; /* of these */
	struct glibc_use all;
	ARRAY(struct glibc_use) arenas; /* as glibc.arenas */
	ARRAY(struct glibc_heap_use) heaps;
	ARRAY(struct glibc_range) returnable; /* by no order */
	ARRAY(uint64_t) cached; /* chunks in caches and fast bins, by address of their memory */
	bool is_confirmed;
	const char *refusal; /* a literal: what did not fit; NULL while it is confirmed */
	uint64_t refused_at; /* an address for it; 0: none */
};

/* Goes through the heaps of arenas. Chunks that are mapped alone are found by glibc_walk_mapped(), which needs to know
 * what else is mapped. */
int glibc_walk(struct glibc_walk *walk, const struct glibc *glibc, const struct address_space *space,
               struct progress *progress, struct error *error);
/* Chunks of their own pages in [start, end), a present piece of anonymous memory that nobody else owns. */
int glibc_walk_mapped(struct glibc_walk *walk, struct reader *reader, uint64_t start, uint64_t end,
                      const struct progress *progress, struct error *error);
/* After all pieces were looked at: holds count and sum against malloc's own. */
void glibc_walk_check_mapped(struct glibc_walk *walk);
void glibc_walk_clear(struct glibc_walk *walk);

/* The chunk in use that holds the address; NULL: none. */
const struct glibc_chunk *glibc_walk_find(const struct glibc_walk *walk, uint64_t address);

#endif
