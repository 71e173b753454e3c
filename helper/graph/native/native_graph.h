/* SPDX-License-Identifier: MIT
 * native_graph: blocks that C, C++ or Rust code has from malloc or from Python's own allocators and that are no
 * object's, and the objects that they hang on. Edges are words that look like pointers, in bodies of objects of C
 * types, in blocks that objects are known to own for a library, and in native blocks: a word that is a block's address,
 * or, for a block that no such word leads to, one inside it. An estimate, therefore: each block goes to what alone
 * leads to it in the dominator tree, so that a false word can take it from an owner and not give it to one. Blocks that
 * all lead to one another are one; and what a word in an object's body names is that object's, whatever memory of C has
 * a word for it too: much of that was not written since it had another use. Blocks that a decoder knows
 * (graph/native/python_blocks.h) are exactly their objects', or what several have in common. Objects that no root
 * reaches have what no other one leads to: it goes with them. */
#ifndef PYDS_GRAPH_NATIVE_GRAPH_H
#define PYDS_GRAPH_NATIVE_GRAPH_H

#include "allocator/region_map.h"
#include "analysis/dominators.h"
#include "graph/native/native_block.h"
#include "graph/native/python_blocks.h"

struct native_total {
	uint64_t blocks, bytes;
};

struct native_graph {
	ARRAY(struct native_block) blocks; /* by address */
	struct object_index index; /* address to index in blocks, or in placed */
	/* The blocks that have a place in the index; NULL: all have. Of others the memory is not there (pages of a
	 * shared mapping that a dump or a copy leaves out), or their granule is another's. */
	uint32_t *placed;
	struct native_total holders[NATIVE_UNSEEN + 1], all, exact;
	/* Not among the blocks: what Python itself keeps in free lists; sums by allocator. */
	ARRAY(struct native_block) free_listed;
	struct native_total kept[ALLOCATOR_COUNT];
	struct native_total by_allocator[NATIVE_UNSEEN + 1][ALLOCATOR_COUNT]; /* holders, in parts */
	uint64_t rounding[ALLOCATOR_COUNT]; /* bytes taken beyond those of blocks */
	uint64_t edge_count;
};

struct native_sources {
	const struct heap_graph *heap;
	const struct dominators *dominators;
	const struct memory_map *memory;
	const struct python_blocks *python;
};

int native_graph_open(struct native_graph **ret_graph, const struct native_sources *sources, struct progress *progress,
                      struct error *error);
void native_graph_close(struct native_graph *graph); /* NULL is fine */
/* Zeroes for so many owners, that the bytes of all blocks fit in. False: out of memory. */
bool native_graph_open_counts(const struct native_graph *graph, struct byte_counts *counts, uint64_t count);
/* Among the first `count` blocks, which are in order, the one that holds address; NULL: none. */
static inline struct native_block *native_graph_among(const struct native_graph *graph, size_t count, uint64_t address)
{
	size_t low = 0, high = count;
	while (low < high) {
		const size_t middle = (low + high) / 2;
		if (graph->blocks.items[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	struct native_block *block = low > 0 ? &graph->blocks.items[low - 1] : NULL;
	return block != NULL && address - block->address < native_block_bytes(block) ? block : NULL;
}

/* What of it words can stand in: the last one of malloc's is the size of the next. */
static inline uint64_t native_block_room(const struct native_block *block)
{
	return block->allocator == ALLOCATOR_MALLOC || block->allocator == ALLOCATOR_MMAP
	               ? native_block_bytes(block) - GLIBC_CHUNK_HEADER / 2
	               : native_block_bytes(block);
}

/* The block that holds address; NULL: none. */
static inline const struct native_block *native_graph_find(const struct native_graph *graph, uint64_t address)
{
	return native_graph_among(graph, graph->blocks.count, address);
}

/* ---- Between native_graph.c, native_edges.c and native_claims.c ---- */

#define NATIVE_INSIDE (UINT32_C(1) << 31) /* of an edge's target: the word points inside the block */
/* The word may be left of an earlier use of the memory: the last one of a chunk of malloc, which may not be asked for;
 * or one whose lowest byte is 0, and that points inside a block: a truth value in front of the rest of a pointer. */
#define NATIVE_TAIL (UINT32_C(1) << 30)
/* The word points further inside than a library's own header or an alignment reaches, or is no multiple of 8. */
#define NATIVE_DEEP (UINT32_C(1) << 29)
#define NATIVE_MOST NATIVE_DEEP /* blocks */

struct native_edge {
	/* Block; of an object: number of the dominator tree, of one of garbage its node; of a variable: file. */
	uint32_t source;
	uint32_t target; /* block, with NATIVE_INSIDE, NATIVE_DEEP, NATIVE_TAIL */
};

/* A truth value in front of the rest of an older pointer, in the seven bytes of its padding: nothing that is kept
 * inside a block has such an address, but for a character. A tag of one bit is put on a block's own address. */
static inline bool native_is_truth_value(uint64_t word, uint64_t inside)
{
	return (word & 0xff) == 1 && inside != 1;
}

static inline uint32_t native_edge_block(const struct native_edge *edge)
{
	return edge->target & (NATIVE_MOST - 1);
}

typedef ARRAY(struct native_edge) native_edge_array;

struct native_edges {
	native_edge_array exact; /* from objects, by what their decoders know */
	native_edge_array exact_garbage; /* the same, from objects that no root reaches */
	native_edge_array from_objects, from_garbage, from_blocks, from_files;
};

int native_edges_find(struct native_edges *edges, const struct native_graph *graph,
                      const struct native_sources *sources, struct progress *progress, struct error *error);
void native_edges_clear(struct native_edges *edges);
/* Gives each block its holder and owner. Edges between blocks are in order of their sources. */
int native_claims_find(struct native_graph *graph, const struct native_sources *sources,
                       const struct native_edges *edges, struct progress *progress, struct error *error);

#endif
