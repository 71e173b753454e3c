/* SPDX-License-Identifier: MIT
 * objects_behind: objects that a walk reaches only through memory of C code: a word in a block of an object that it has
 * reached refers to one (graph/heap/block_references.h). Words are an estimate, so these are counted apart. */
#ifndef PYDS_QUERY_OBJECTS_BEHIND_H
#define PYDS_QUERY_OBJECTS_BEHIND_H

#include "query/query.h"

struct objects_behind {
	uint64_t count, bytes; /* in the walk's measure */
	bool is_partial; /* LIMIT_BLOCK_LOOKS: there may be more */
};

/* Goes on from a walk that has just been made under a policy, over the query's heap, which is made if nobody asked for
 * it. Nothing under a policy that follows less than all references of data. */
int query_objects_behind(const struct query *query, struct walk *walk, enum policy policy,
                         struct objects_behind *ret_behind);

#endif
