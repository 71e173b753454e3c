/* SPDX-License-Identifier: MIT
 * heap_builder: what the steps of making a heap graph share: heap_graph.c finds the objects, heap_edges.c writes down
 * their references, heap_holders.c those of the holders. */
#ifndef PYDS_GRAPH_HEAP_BUILDER_H
#define PYDS_GRAPH_HEAP_BUILDER_H

#include "decode/reference_count.h"
#include "graph/doubtful.h"
#include "graph/frontier.h"
#include "graph/heap/heap_graph.h"
#include "graph/shared_keys.h"

/* Memory of a mapped ELF file, .bss included, not of an allocator. An allocator's arena may follow it directly, in the
 * same segment. */
struct static_range {
	uint64_t start, end;
};

struct edge_writer {
	uint32_t *targets;
	uint64_t count, capacity;
};

struct builder {
	struct heap_graph *graph;
	struct decoder *decoder;
	struct progress *progress;
	struct error *error;
	struct heap_block_notes *notes; /* NULL: none are wanted */
	struct object_places places;
	struct doubtful words; /* of graph->roots */
	uint64_t slots_drawn; /* references that the first pass followed: about as many as there will be edges */
	uint64_t large_bytes; /* of objects of more than LARGE_BYTES */
	struct static_range *static_ranges; /* sorted */
	size_t static_count;
	size_t types_rooted;
	/* Of each object its reference count less the references found to it, modulo 2^32: what is left is held by
	 * nobody that we know. Most counts are far below 2^31, and those that may not be are read again. */
	uint32_t *unexplained;
	uint32_t *first; /* becomes graph->edges.first */
	struct edge_writer edges; /* of objects, later also of holders */
	struct shared_keys shared_keys;
	number_array guesses; /* edges that are words of unknown meaning which happen to be addresses of objects */
	ARRAY(uint64_t) opaque; /* objects of C types that no decoder knows, by address */
	number_array permanent; /* objects that are never freed, by number */
	number_array uncounted; /* objects whose count says nothing */
	number_array doubtful; /* objects with counts of 2^31 and more */
};

int builder_no_memory(struct builder *builder);
/* The error for what a thread came back with: ERROR_NO_MEMORY, ERROR_CANCELLED or ERROR_LIMIT. */
int builder_failed(struct builder *builder, int status);
/* How many threads may read the heap at once: at most `most`, at least 1; just one where memory must be asked for. */
unsigned builder_crew(const struct builder *builder, uint64_t most);

/* heap_edges.c: rows of the objects, and what is known of their counts. */
int builder_write_objects(struct builder *builder);
bool edge_writer_reserve(struct edge_writer *writer, uint64_t more);
/* The object at an address, by number; UINT32_MAX: none. */
static inline __attribute__((always_inline)) uint32_t builder_node(const struct builder *builder, struct reader *reader,
                                                                   uint64_t target)
{
	const struct segment *segment = target != 0 ? reader_segment(reader, target) : NULL;
	return segment != NULL ? object_index_in(&builder->graph->index, segment, target) : UINT32_MAX;
}

/* The object a slot of a run refers to. */
static inline __attribute__((always_inline)) uint32_t
builder_slot_node(const struct builder *builder, struct reader *reader, const struct run *run, uint64_t slot)
{
	return builder_node(builder, reader, run_target(run, slot));
}

/* heap_certain.c: the references of the holders that are certain, counted when they are written down. */
struct certain {
	struct edge_writer edges; /* targets, holder after holder */
	uint32_t *ends; /* of each holder, in edges */
};

/* To be freed whatever comes of it. */
int builder_write_certain(struct builder *builder, struct certain *ret_certain);
void certain_clear(struct certain *certain);

/* heap_holders.c: where static memory is; rows of the holders, after those of the objects. */
bool builder_find_static_ranges(struct builder *builder);
int builder_write_holders(struct builder *builder);
/* References found to an object whose count is at hand. */
static inline uint32_t builder_found(const struct builder *builder, uint32_t node, const struct reference_count *count)
{
	return (uint32_t)count->count - builder->unexplained[node];
}

#endif
