/* SPDX-License-Identifier: MIT
 * dominators: of a directed graph given as arrays, the dominator tree, and sums over its subtrees. Pure: knows nothing
 * of objects. Node d dominates n if every way from the start to n passes d; what n retains is what n dominates. */
#ifndef PYDS_ANALYSIS_DOMINATORS_H
#define PYDS_ANALYSIS_DOMINATORS_H

#include <stdint.h>

#include "base/error.h"
#include "analysis/edge_rows.h"
#include "base/byte_counts.h"
#include "base/progress.h"

/* What the algorithm makes. Reached nodes are numbered in depth-first preorder, so a dominator has a smaller number
 * than what it dominates; arrays below are by number unless they say node. */
struct dominators {
	uint32_t node_count;
	uint32_t reached_count; /* nodes reachable from the start, which has number 0 */
	uint32_t *number; /* of a node; UINT32_MAX: not reached */
	uint32_t *node; /* of a number */
	uint32_t *idom; /* number of the immediate dominator; of 0 it is 0 */
	struct edge_rows incoming; /* edges turned round, between numbers: who refers to whom */
	/* Work arrays that are done with, for whoever needs arrays of reached_count + 1 next: memory that was used is
	 * had at once, fresh memory must be cleared. NULL once taken. */
	uint32_t *spare[2];
	uint64_t *spare_wide;
};

/* Immediate dominators of all nodes reachable from start: the semi-NCA algorithm (Georgiadis, 2005), iterative
 * throughout. Frees *edges as soon as it can, also on failure: with the incoming rows there are then two sets of edges
 * only for a moment. progress may be NULL. */
int dominators_compute(struct dominators *ret_dominators, struct edge_rows *edges, uint32_t start,
                       struct progress *progress, struct error *error);
void dominators_clear(struct dominators *dominators);

/* The tree from above: of a number the first child, of a child the next one, in ascending order; 0: none, since the
 * start is nobody's child. */
struct dominator_children {
	uint32_t *first, *next;
};
int dominators_children(struct dominators *dominators, struct dominator_children *ret_children,
                        const struct progress *progress, struct error *error);
void dominator_children_clear(struct dominator_children *children);
/* The next number of the subtree below top, in preorder from top itself on; 0: that was the last one. */
uint32_t dominators_next(const struct dominators *dominators, const struct dominator_children *children, uint32_t top,
                         uint32_t number);

/* sums[number] becomes the total of sums over the subtree. Sums of real sizes cannot wrap 64 bits. */
int dominators_sum(const struct dominators *dominators, uint64_t *sums, const struct progress *progress);
/* The same of counts that were opened for the sum of all. */
int dominators_sum_counts(const struct dominators *dominators, struct byte_counts *sums,
                          const struct progress *progress);

#endif
