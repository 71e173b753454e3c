/* SPDX-License-Identifier: MIT
 * heap_graph: every object that a root reaches or the collector tracks, and all their references, as arrays of 32-bit
 * numbers. Nodes are the objects by address (graph/object_index.h), then the holders of graph/roots.h; node_process is
 * where everything starts. */
#ifndef PYDS_GRAPH_HEAP_GRAPH_H
#define PYDS_GRAPH_HEAP_GRAPH_H

#include "decode/allocated.h"
#include "analysis/edge_rows.h"
#include "base/byte_counts.h"
#include "graph/object_index.h"
#include "graph/roots.h"
#include "graph/walk.h"

typedef ARRAY(uint32_t) number_array;

/* An object that more references are counted to than were found. */
struct held_object {
	uint32_t node;
	uint32_t missing; /* references that were not found */
};

/* A word in a block of C code that refers to an object: heap/block_references.h. */
struct block_reference {
	uint32_t owner, target; /* objects, by number: who leads to the block; what the word refers to */
	uint64_t block, word; /* addresses, the word's within the block */
};

typedef ARRAY(struct block_reference) block_reference_array;

struct heap_graph {
	struct decoder *decoder;
	struct object_index index;
	struct roots roots;
	struct edge_rows edges; /* outgoing; empty once an analysis took them */
	number_array boundaries; /* classes, modules, code: what most policies do not enter; in order */
	uint32_t *shallow; /* bytes, by object number; HEAP_GRAPH_LARGE: ask the decoder */
	uint32_t
	        *allocated; /* the same in what the allocators took; NULL: heap_graph_find_allocated() was not called */
	struct byte_counts native; /* C code's blocks that hang on each node, estimated; not open: nobody asked */
	bool is_objects_only; /* neither edges nor sizes nor counts are there */
	uint32_t node_count; /* objects and holders */
	uint32_t node_process; /* index.count + 0, the first holder */
	uint64_t edge_count;
	uint32_t held_from_c; /* objects with an edge from the C holder */
	ARRAY(struct held_object) from_c; /* them, by number */
	block_reference_array block_references; /* by owner; their edges are among the others */
	/* Of objects whose reference count says something: neither immortal nor static. */
	uint32_t counted;
	uint32_t accounted; /* of these, those with exactly as many references found as are counted */
	uint32_t overcounted; /* and those with more: borrowed ones were taken for references */
	struct coverage coverage;
};

#define HEAP_GRAPH_LARGE UINT32_MAX

struct memory_map;
struct python_blocks;

/* Notes of whose the allocators' blocks are, made while objects are decoded anyhow: a third of what they cost later. */
struct heap_block_notes {
	const struct memory_map *memory;
	uint64_t large_most; /* none are made where objects of more than LARGE_BYTES take more than so many bytes */
	struct python_blocks *blocks; /* filled if they are made; to be cleared */
	bool is_made;
};

/* Whether there is room for what is made first: the sets of addresses, what a target that is read in place has to be
 * fetched of, and a guess of the arrays. heap_graph_open() asks; before it whoever reads much of the target for it.
 * OK or ERROR_LIMIT, which says what to do. */
int heap_graph_require(const struct address_space *space, struct error *error);
/* notes: NULL: nobody wants them. */
int heap_graph_open(struct heap_graph **ret_graph, struct decoder *decoder, struct heap_block_notes *notes,
                    struct progress *progress, struct error *error);
/* Its objects only, without edges and sizes: half the time, for who asks what there is and not what it keeps. */
int heap_graph_open_objects(struct heap_graph **ret_graph, struct decoder *decoder, struct progress *progress,
                            struct error *error);
void heap_graph_close(struct heap_graph *graph); /* NULL is fine */

/* sys.getsizeof of an object by number. */
uint64_t heap_graph_shallow(const struct heap_graph *graph, uint32_t node);
/* The same for sums over objects: without what is another object's, which has a size of its own (BytesIO's bytes). */
static inline uint64_t heap_graph_own(const struct heap_graph *graph, uint32_t node);
uint64_t heap_graph_own_large(const struct heap_graph *graph, uint32_t node); /* by its decoder, or of a holder */

/* heap_weights.c: what the allocators took for each object. Decodes all of them with their blocks, once: only for who
 * asks. */
int heap_graph_find_allocated(struct heap_graph *graph, struct progress *progress, struct error *error);
/* Of an object by number, after that. */
uint64_t heap_graph_allocated(const struct heap_graph *graph, uint32_t node);

static inline uint64_t heap_graph_own(const struct heap_graph *graph, uint32_t node)
{
	if (node < graph->index.count && graph->shallow[node] != HEAP_GRAPH_LARGE)
		return graph->shallow[node];
	return heap_graph_own_large(graph, node);
}

static inline uint64_t heap_graph_bytes(const struct heap_graph *graph, uint32_t node, enum size_measure measure)
{
	if (measure == SIZE_NATIVE)
		return byte_counts_at(&graph->native, node);
	return measure == SIZE_ALLOCATED ? heap_graph_allocated(graph, node) : heap_graph_own(graph, node);
}

#endif
