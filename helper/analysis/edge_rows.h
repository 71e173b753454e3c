/* SPDX-License-Identifier: MIT */
#ifndef PYDS_ANALYSIS_EDGE_ROWS_H
#define PYDS_ANALYSIS_EDGE_ROWS_H

#include <stdint.h>
#include <stdlib.h>

#include "base/large_block.h"

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

#endif
