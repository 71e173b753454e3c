/* SPDX-License-Identifier: MIT
 * block_noter: which of the allocators' blocks are objects', noted of one object after another, by address: while they
 * are decoded for another reason, or by python_blocks_find(). Each thread has one for its part of the objects. */
#ifndef PYDS_GRAPH_BLOCK_NOTER_H
#define PYDS_GRAPH_BLOCK_NOTER_H

#include "graph/native/pool_starts.h"
#include "graph/native/python_blocks.h"

struct block_noter {
	const struct memory_map *memory;
	struct python_blocks *all; /* only its sets, which threads share */
	struct python_blocks own; /* sums and lists */
	struct pool_starts objects, others; /* of pools: objects themselves, and what else they have */
	bool has_heads; /* the collector's words are in front of what it tracks */
	bool out_of_memory;
};

/* Of two noters for the same blocks no node is in the same 64 as one of the other: begin at multiples of that. */
void block_noter_init(struct block_noter *noter, struct python_blocks *all, const struct memory_map *memory,
                      const struct layout *layout);
/* Half of most heaps: numbers and strings in pools, whose block is told in a few instructions. For a leaf that
 * quick_leaf() knows the size of; false: it has to be decoded, for block_noter_object(). */
static inline bool block_noter_leaf(struct block_noter *noter, struct decoder *decoder, const struct object_head *head,
                                    const struct type_info *type, uint64_t shallow)
{
	return type->preheader == 0 && pool_starts_add(&noter->objects, decoder, head->address, shallow, false);
}

/* For the object that was just decoded, with its blocks. */
void block_noter_object(struct block_noter *noter, struct decoder *decoder, uint32_t node);
/* After the last object: `own` is complete. python_blocks_add() takes it. */
void block_noter_end(struct block_noter *noter);
void block_noter_clear(struct block_noter *noter);

#endif
