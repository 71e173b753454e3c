/* SPDX-License-Identifier: MIT
 * size_check: decoded sizes against the bookkeeping of the target's allocators, which knows nothing of Python. Every
 * block that an object has must be one that such a request is given; and, where the whole heap is looked at, the other
 * way round: of all blocks in use, how many are explained by an object. The rest is memory of C code. */
#ifndef PYDS_GRAPH_SIZE_CHECK_H
#define PYDS_GRAPH_SIZE_CHECK_H

#include "allocator/region_map.h"
#include "decode/allocated.h"
#include "graph/heap/heap_graph.h"

enum { SIZE_CHECK_EXAMPLES = 16 };

/* Blocks in use of one allocator, in the memory at hand. */
struct block_share {
	uint64_t pages; /* pools or pages that hold them */
	uint64_t broken_pages; /* whose free list is not as it must be; their blocks are not counted */
	uint64_t blocks, bytes;
	uint64_t explained_blocks, explained_bytes; /* of these: objects' */
};

/* All of one type and part that are wrong in the same way, or could not be compared. */
struct size_disagreement {
	uint64_t count;
	uint64_t object; /* the first of them */
	const struct type_info *type;
	const char *role; /* of the object's block; NULL: the object itself */
	struct allocation allocation;
};

struct size_check {
	bool is_complete; /* the whole heap was looked at, not a sample */
	uint64_t objects;
	uint64_t agreements[AGREEMENT_COUNT]; /* of objects and their blocks */
	uint64_t outside_pools; /* blocks of malloc and the like, of pages, that were held against each other */
	uint64_t unknown; /* of AGREEMENT_NONE: in memory of no allocator that is known */
	struct block_share pymalloc, mimalloc; /* of a complete check */
	struct size_disagreement examples[SIZE_CHECK_EXAMPLES];
	uint32_t example_count;
};

/* Some hundred objects of each generation and what they refer to: some milliseconds, however large the heap. */
int size_check_sample(struct size_check *ret_check, struct decoder *decoder, struct error *error);
struct size_check_sources {
	const struct heap_graph *graph;
	const struct memory_map *memory; /* its walks know which blocks of malloc are in use */
	struct decoder *decoder;
};
/* All objects of the heap, and all blocks of the allocators. */
int size_check_heap(struct size_check *ret_check, const struct size_check_sources *sources, struct progress *progress,
                    struct error *error);
uint64_t size_check_disagreements(const struct size_check *check);

#endif
