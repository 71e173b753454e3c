/* SPDX-License-Identifier: MIT */
#include "query/findings/equal_sum.h"

static bool settle(struct rule_run *run, struct equal_sum *equal)
{
	for (uint32_t i = 0; i < equal->queued; i++) {
		const struct equal_waiting *waiting = &equal->queue[i];
		bool is_new;
		if (!value_table_add(&equal->values, waiting->hash, &is_new))
			return false;
		if (!is_new && waiting->bytes > 0 && !rule_is_of_code(run, waiting->number))
			sum_add(&equal->sum, waiting->node, waiting->bytes);
	}
	equal->queued = 0;
	return true;
}

bool equal_sum_add(struct rule_run *run, struct equal_sum *equal, uint64_t hash, const struct looked *looked,
                   uint64_t bytes)
{
	value_table_prefetch(&equal->values, hash);
	equal->queue[equal->queued++] = (struct equal_waiting){ hash, bytes, looked->node, looked->number };
	return equal->queued < EQUAL_SUM_QUEUE || settle(run, equal);
}

int equal_sum_say(struct rule_run *run, struct equal_sum *equal, const struct sum_words *words)
{
	if (!settle(run, equal))
		return query_no_memory(run->query, "values that are compared");
	return rule_say_sum(run, &equal->sum, words);
}

void equal_sum_clear(void *state)
{
	value_table_clear(&((struct equal_sum *)state)->values);
}
