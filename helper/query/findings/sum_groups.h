/* SPDX-License-Identifier: MIT
 * sum_groups: sums of objects that belong together: those of a class, of a code, of the same keys. */
#ifndef PYDS_QUERY_FINDINGS_SUM_GROUPS_H
#define PYDS_QUERY_FINDINGS_SUM_GROUPS_H

#include "base/address_map.h"
#include "query/findings/rule.h"

struct sum_group {
	struct finding_sum sum;
	uint64_t key;
	struct looked first; /* the first that was met; body is not valid any more */
	uint64_t most; /* the rule's own: the largest of something */
	uint64_t marked; /* the rule's own: how many are of some kind */
};

struct sum_groups {
	struct address_map by_key;
	ARRAY(struct sum_group) groups; /* in the order in which they were met */
	uint32_t limit; /* no more than that are kept; 0: any number */
};

/* The group of a key, which is an address or a hash, and new where looked is the first. *ret_group is good till the
 * next one is asked for; NULL: there are too many. */
int sum_groups_find(struct rule_run *run, struct sum_groups *groups, uint64_t key, const struct looked *looked,
                    struct sum_group **ret_group);
/* What clear() is, of a state that is a sum_groups or begins with one. */
void sum_groups_clear(void *state);

#endif
