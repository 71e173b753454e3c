/* SPDX-License-Identifier: MIT
 * dominators: of a directed graph given as arrays, the dominator tree, and sums over its subtrees. Pure: knows nothing
 * of objects. Node d dominates n if every way from the start to n passes d; what n retains is what n dominates. */
#ifndef PYDS_ANALYSIS_DOMINATORS_H
#define PYDS_ANALYSIS_DOMINATORS_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/error.h"

/* Outgoing edges as compressed rows: of node n, targets[first[n]] up to targets[first[n + 1]]. */
struct edge_rows {
	uint32_t node_count;
	const uint64_t *first; /* node_count + 1 */
	const uint32_t *targets;
};

/* What the algorithm makes. Node numbers are those of the graph given. */
struct dominators {
	uint32_t node_count;
	uint32_t reached_count; /* nodes reachable from the start */
	uint32_t *idom; /* immediate dominator; of the start itself the start; UINT32_MAX: not reached */
	uint32_t *order; /* reached nodes in depth-first preorder: a dominator comes before what it dominates */
};

/* Immediate dominators of all nodes reachable from start: the semi-NCA algorithm (Georgiadis, 2005), iterative
 * throughout. Takes 5 words of 32 bits a node and one an edge meanwhile, and keeps two a node. cancel may be NULL. */
int dominators_compute(struct dominators *ret_dominators, const struct edge_rows *edges, uint32_t start,
                       const atomic_bool *cancel, struct error *error);
void dominators_clear(struct dominators *dominators);

/* sums[n] becomes the total of sums over the subtree of n; sums of unreached nodes stay. 64 bits, wraps never on real
 * sizes. */
void dominators_sum(const struct dominators *dominators, uint64_t *sums);
/* The same for counts. */
void dominators_count(const struct dominators *dominators, uint32_t *counts);

#endif
