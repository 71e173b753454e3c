/* SPDX-License-Identifier: MIT
 * owned_blocks: memory that bodies of unknown C types point to: multidict's table of its own, Rust's and C++'s vectors.
 * What only such a block refers to, and the collector does not track, no list and no reference that is understood
 * leads to. A word there is as doubtful as one of a static variable (graph/doubtful.h). */
#ifndef PYDS_GRAPH_OWNED_BLOCKS_H
#define PYDS_GRAPH_OWNED_BLOCKS_H

#include "base/address_map.h"
#include "graph/doubtful.h"

struct owned_block {
	uint64_t address, bytes;
	uint32_t depth; /* blocks between it and the object that leads to it */
};

struct owned_blocks {
	ARRAY(uint64_t) owners; /* objects of unknown C types, each once; more may come while blocks are gone through */
	size_t done; /* of the owners */
	struct address_map seen; /* blocks by address */
	ARRAY(struct owned_block) waiting;
	uint64_t bytes; /* of all blocks seen */
};

/* Calls reach() for every object that a word of a block refers to, that was not visited before and is certainly alive.
 * Ends with the first status that is not OK; ERROR_CANCELLED and ERROR_NO_MEMORY come without a sentence. */
int owned_blocks_reach(struct owned_blocks *blocks, struct doubtful *doubtful, const struct visited *visited,
                       doubtful_reach_function *reach, void *context);
void owned_blocks_clear(struct owned_blocks *blocks);

#endif
