/* SPDX-License-Identifier: MIT
 * equal_sum: objects of equal value, and the bytes of all but the first of each value. Looking a value up misses the
 * cache nearly always, so each waits in a short queue while its place in the table is fetched. */
#ifndef PYDS_QUERY_FINDINGS_EQUAL_SUM_H
#define PYDS_QUERY_FINDINGS_EQUAL_SUM_H

#include "query/findings/rule.h"
#include "query/findings/value_table.h"

enum { EQUAL_SUM_QUEUE = 16 };

struct equal_sum {
	struct finding_sum sum; /* first: what struct rule's words say something of */
	struct value_table values;
	struct equal_waiting {
		uint64_t hash, bytes;
		uint32_t node, number;
	} queue[EQUAL_SUM_QUEUE];
	uint32_t queued;
};

/* bytes 0: its value is known from now on, and it is never one too many. False: out of memory. */
bool equal_sum_add(struct rule_run *run, struct equal_sum *equal, uint64_t hash, const struct looked *looked,
                   uint64_t bytes);
/* What end() is. */
int equal_sum_say(struct rule_run *run, struct equal_sum *equal, const struct sum_words *words);
/* What clear() is, of a state that is an equal_sum or begins with one. */
void equal_sum_clear(void *state);

#endif
