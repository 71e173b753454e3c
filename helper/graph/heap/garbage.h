/* SPDX-License-Identifier: MIT
 * garbage: the objects of a heap that no root reaches, as a graph of their own, and what collections would do with
 * them. A collection reduces the counts of what it tracks by what tp_traverse of tracked objects visits, and keeps what
 * has some left (Modules/gcmodule.c, Python/gc.c deduce_unreachable()). So a cycle all of whose references are visited
 * goes, and what hangs on it goes with it, visited or not; a cycle with one reference that is not visited is stuck for
 * ever, and with it all that it reaches. */
#ifndef PYDS_GRAPH_GARBAGE_H
#define PYDS_GRAPH_GARBAGE_H

#include "analysis/components.h"
#include "analysis/edge_rows.h"
#include "graph/heap/heap_graph.h"

enum garbage_kind { GARBAGE_COLLECTABLE, GARBAGE_STUCK };

enum { GARBAGE_UNTRACKED = -1 };

struct garbage {
	uint32_t count;
	uint32_t *nodes; /* of the heap's graph, ascending: objects by address */
	struct edge_rows edges; /* between garbage, by place in nodes; visible and hidden ones */
	int8_t *generation; /* the collector's, or GARBAGE_UNTRACKED */
	uint8_t *kind; /* enum garbage_kind */
	struct components components; /* of edges */
	uint32_t frozen; /* in the permanent generation: not collected before gc.unfreeze() */
	uint32_t *place; /* of each object of the heap, or UINT32_MAX */
};

/* number: of each node of the graph, UINT32_MAX where no root reaches it (analysis/dominators.h). The decoder must not
 * be the graph's own while another question uses that. */
int garbage_open(struct garbage *ret_garbage, const struct heap_graph *graph, const uint32_t *number,
                 struct decoder *decoder, struct progress *progress, struct error *error);
void garbage_close(struct garbage *garbage);

/* Whether the collector sees the references of a run of an object that it tracks, there or, where an instance and its
 * dict share the words, from the other. */
bool garbage_is_visited(const struct type_info *type, const struct run *run);

#endif
