/* SPDX-License-Identifier: MIT
 * garbage_tree: the dominator tree of what no root reaches: its start refers to each object or cycle that no other
 * garbage refers to, and who hangs below such a one would go with it. */
#ifndef PYDS_QUERY_GARBAGE_TREE_H
#define PYDS_QUERY_GARBAGE_TREE_H

#include "graph/heap/garbage.h"
#include "query/query.h"

/* Of garbage, by place. starts[]: places that all else is reached from; the tree's node garbage->count stands for
 * nothing and refers to them. Takes the garbage's edges. */
int garbage_dominators(const struct query *query, struct garbage *garbage, const uint32_t *starts, uint32_t start_count,
                       struct dominators *ret_dominators);

/* The same with sums in the query's measure, as if it were the heap: nodes are those of heap->graph, which must stay,
 * number 0 is the process. Close with retained_close(). */
int garbage_tree_open(const struct query *query, const struct retained *heap, struct retained **ret_tree);

#endif
