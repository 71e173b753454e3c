/* SPDX-License-Identifier: MIT */
#include "query/findings/sum_groups.h"

int sum_groups_find(struct rule_run *run, struct sum_groups *groups, uint64_t key, const struct looked *looked,
                    struct sum_group **ret_group)
{
	uint32_t index = address_map_get(&groups->by_key, key);
	*ret_group = NULL;
	if (index == ADDRESS_MAP_NONE) {
		const struct sum_group group = { .key = key, .first = *looked };
		index = (uint32_t)groups->groups.count;
		if (groups->limit > 0 && index >= groups->limit)
			return OK;
		if (!array_push(&groups->groups, group) || !address_map_set(&groups->by_key, key, index))
			return query_no_memory(run->query, "sums of objects");
	}
	*ret_group = &groups->groups.items[index];
	return OK;
}

void sum_groups_clear(void *state)
{
	struct sum_groups *groups = state;
	address_map_clear(&groups->by_key);
	array_free(&groups->groups);
}
