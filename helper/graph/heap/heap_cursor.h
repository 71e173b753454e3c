/* SPDX-License-Identifier: MIT
 * heap_cursor: the objects of a heap one by one, in the order of their addresses, each with its number, its type, its
 * size, and, for who asks, all that its decoder finds: references, blocks, flags. */
#ifndef PYDS_GRAPH_HEAP_CURSOR_H
#define PYDS_GRAPH_HEAP_CURSOR_H

#include "base/progress.h"
#include "graph/heap/heap_graph.h"

struct heap_cursor {
	const struct heap_graph *graph;
	struct decoder *decoder; /* whose result heap_cursor_decode() changes */
	struct progress *progress;
	struct object_cursor objects;
	uint64_t type_offset, steps;
	/* The object that it stands on. */
	uint64_t address;
	uint32_t node; /* its number in the graph */
	const struct type_info *type; /* never NULL */
	/* What was passed over, since its type is none. */
	uint64_t not_objects;
	int status; /* OK, or ERROR_CANCELLED without a sentence */
	uint32_t next_node;
};

/* decoder: not one that others use in the meantime, if its result is wanted. progress may be NULL; the objects are
 * counted by nobody. */
void heap_cursor_init(struct heap_cursor *cursor, const struct heap_graph *graph, struct decoder *decoder,
                      struct progress *progress);
/* To the next object; false at the end, or when progress was cancelled (status). */
bool heap_cursor_next(struct heap_cursor *cursor);

/* sys.getsizeof() of the object that it stands on. */
static inline uint64_t heap_cursor_shallow(const struct heap_cursor *cursor)
{
	return heap_graph_shallow(cursor->graph, cursor->node);
}

/* All of it: references (runs), blocks, flags. False: it cannot be decoded. Good until the decoder decodes again. */
static inline bool heap_cursor_decode(struct heap_cursor *cursor)
{
	return decode_object(cursor->decoder, cursor->address);
}

#endif
