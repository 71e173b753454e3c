/* SPDX-License-Identifier: MIT
 * sparse_heaps: stretches of malloc's heaps that are nearly empty, and what keeps them. free() gives memory back only
 * from a heap's end: brk goes down, or a heap of 64 MiB goes, when nothing above is in use any more (malloc/malloc.c
 * systrim, malloc/arena.c heap_trim). A stretch is made of pieces of 1 MiB, as large as an arena of pymalloc, of which
 * less than a quarter is in use; what lies at the end of a heap without any block, its top, is none. */
#ifndef PYDS_QUERY_SPARSE_HEAPS_H
#define PYDS_QUERY_SPARSE_HEAPS_H

#include "query/query.h"

struct sparse_stretch {
	uint64_t start, end;
	uint32_t walk, heap; /* indices in map->walks, and in its glibc's heaps */
	size_t chunk_count; /* in use in it */
	uint64_t used_bytes; /* of these */
	uint64_t cached_blocks, cached_bytes; /* that threads keep for their next calls */
	uint64_t free_bytes;
	uint64_t stranded_bytes; /* of these, what malloc_trim(0) would not return */
	/* In use or kept by threads between its end and that of its heap, and the last block of all in the heap. */
	uint64_t above_blocks, above_bytes, last;
};

struct sparse_heaps {
	ARRAY(struct sparse_stretch) stretches; /* most free bytes first */
	uint64_t bytes, used_blocks, used_bytes, cached_blocks, cached_bytes, free_bytes, stranded_bytes;
};

int sparse_heaps_find(struct sparse_heaps *sparse, const struct query *query, const struct memory_map *map);
void sparse_heaps_clear(struct sparse_heaps *sparse);

#endif
