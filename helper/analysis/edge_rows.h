/* SPDX-License-Identifier: MIT
 * edge_rows: the edges of a graph whose nodes are numbers, in two arrays. */
#ifndef PYDS_ANALYSIS_EDGE_ROWS_H
#define PYDS_ANALYSIS_EDGE_ROWS_H

#include <stdint.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/large_block.h"
#include "base/progress.h"

/* Edges as compressed rows: of node n, targets[first[n]] up to targets[first[n + 1]]. */
struct edge_rows {
	uint32_t node_count;
	uint32_t *first; /* node_count + 1 */
	uint32_t *targets;
};

static inline void edge_rows_free(struct edge_rows *edges)
{
	large_free(edges->first);
	large_free(edges->targets);
	*edges = (struct edge_rows){ .node_count = 0 };
}

/* The same edges the other way round: outgoing ones of incoming ones, which are those that a heap keeps. Rows are in
 * the order of their targets. To be freed whatever comes of it. progress may be NULL. */
int edge_rows_turn(struct edge_rows *ret_turned, const struct edge_rows *edges, const struct progress *progress,
                   struct error *error);

#endif
