/* SPDX-License-Identifier: MIT
 * owner_sets: some nodes of a graph are owners; of every other node, which owners reach it first, on ways that pass no
 * other owner. What has one owner is its alone, what has several is shared by these, what is reached without any is
 * nobody's. Pure: knows nothing of objects. */
#ifndef PYDS_ANALYSIS_OWNER_SETS_H
#define PYDS_ANALYSIS_OWNER_SETS_H

#include "analysis/dominators.h"

#define OWNER_NONE UINT32_MAX

enum {
	OWNERS_TOLD = 6, /* owners of one set that are told apart */
	OWNER_SET_OUTSIDE = 0, /* reached on a way without an owner, too */
	OWNER_SET_MANY = 1, /* by more than OWNERS_TOLD */
};

struct owner_set {
	uint32_t owners[OWNERS_TOLD]; /* ascending */
	uint32_t count; /* 0: OUTSIDE and MANY */
};

struct owner_sets {
	uint32_t *set; /* by number of the dominator tree: index of a set; owners are in their own */
	struct owner_set *sets;
	uint32_t set_count;
};

/* owner: by number of the dominator tree, or OWNER_NONE. ERROR_LIMIT: the sets still changed after LIMIT_OWNER_PASSES
 * over the graph, or are more than LIMIT_OWNER_SETS. progress may be NULL. */
int owner_sets_open(struct owner_sets *ret_sets, const struct dominators *dominators, const uint32_t *owner,
                    const struct progress *progress, struct error *error);
void owner_sets_close(struct owner_sets *sets);

#endif
