/* SPDX-License-Identifier: MIT
 * groups: for many sets of nodes at once, which nodes can only be reached through a member of which sets. A node that
 * every way from the start reaches through set g is retained by g: it would be unreachable if all members of g went. */
#ifndef PYDS_ANALYSIS_GROUPS_H
#define PYDS_ANALYSIS_GROUPS_H

#include "analysis/dominators.h"

#define GROUP_NONE UINT32_MAX

/* Different nodes mostly have the same sets, so these are kept once and numbered: `set` tells the number of what is
 * retaining a node, members[first[s]] up to members[first[s + 1]] are its groups. */
struct groups {
	uint32_t *set; /* by number of the dominator tree */
	uint64_t *first;
	uint32_t *members;
	uint32_t set_count;
};

/* group: of each number the one group it belongs to, or GROUP_NONE. ERROR_LIMIT: the sets would take more memory than
 * LIMIT_GROUP_MEMBERS allows. progress may be NULL. */
int groups_open(struct groups *ret_groups, const struct dominators *dominators, const uint32_t *group,
                const struct progress *progress, struct error *error);
void groups_close(struct groups *groups);

#endif
