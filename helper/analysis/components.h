/* SPDX-License-Identifier: MIT
 * components: of a directed graph given as arrays, its strongly connected components: the largest sets of nodes of
 * which each reaches each. And of such a set, a short cycle. Pure: knows nothing of objects. */
#ifndef PYDS_ANALYSIS_COMPONENTS_H
#define PYDS_ANALYSIS_COMPONENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "analysis/edge_rows.h"
#include "base/error.h"
#include "base/progress.h"

struct components {
	uint32_t count;
	uint32_t *of; /* component of a node; edges between two lead from the higher to the lower number */
	uint32_t *first; /* nodes of component c: nodes[first[c]] up to nodes[first[c + 1]], ascending */
	uint32_t *nodes;
};

/* Tarjan's algorithm, iterative. progress may be NULL. */
int components_find(struct components *ret_components, const struct edge_rows *edges, const struct progress *progress,
                    struct error *error);
void components_clear(struct components *components);

/* Searches cycles of one graph. */
struct cycle_search {
	const struct edge_rows *edges;
	const struct components *components;
	uint32_t *previous; /* of a node, in the search that is under way; UINT32_MAX: not met */
	uint32_t *queue;
};
bool cycle_search_open(struct cycle_search *search, const struct edge_rows *edges,
                       const struct components *components); /* false: out of memory */
void cycle_search_close(struct cycle_search *search);
/* The number of nodes of a shortest cycle through start; 0: none. The first `most` of them, start first, to nodes[]. */
uint32_t cycle_search_from(struct cycle_search *search, uint32_t start, uint32_t *nodes, uint32_t most);

#endif
