/* SPDX-License-Identifier: MIT
 * glibc_chunks: the chunks in use of a walk that is confirmed, one after another or the one at an address. They are no
 * list: millions of them would be. Each says itself where the next one is, and a walk keeps the place of every
 * sixteenth. */
#ifndef PYDS_ALLOCATOR_GLIBC_CHUNKS_H
#define PYDS_ALLOCATOR_GLIBC_CHUNKS_H

#include "allocator/glibc_use.h"

/* In heaps only: what is mapped alone is in walk->mapped. */
struct glibc_cursor {
	const struct glibc_walk *walk;
	struct reader *reader;
	size_t heap; /* of glibc.heaps */
	uint64_t chunk, bytes; /* the next one; bytes 0: its size word is not read yet */
	size_t cached; /* of walk->cached: the first not passed */
};

/* By address; the first one ends behind `from`, or is one of few before. */
void glibc_cursor_init(struct glibc_cursor *cursor, const struct glibc_walk *walk, struct reader *reader,
                       uint64_t from);
bool glibc_cursor_next(struct glibc_cursor *cursor, struct glibc_chunk *ret_chunk);

/* The chunk in use, also one that is mapped alone, that holds the address; false: none. */
bool glibc_walk_find(const struct glibc_walk *walk, struct reader *reader, uint64_t address,
                     struct glibc_chunk *ret_chunk);

/* The same in heaps only, and of those that threads' caches and fast bins have too. *ret_heap: of glibc.heaps. */
bool glibc_walk_at(const struct glibc_walk *walk, struct reader *reader, uint64_t address,
                   struct glibc_chunk *ret_chunk, size_t *ret_heap);

/* Whether a heap's chunks may end at `chunk`: there is its arena's top, its end, or the fence behind an old heap's last
 * one. */
bool glibc_heap_ends_at(const struct glibc_heap *heap, struct reader *reader, uint64_t top, uint64_t chunk);

#endif
