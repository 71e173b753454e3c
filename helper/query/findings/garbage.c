/* SPDX-License-Identifier: MIT
 * What no root reaches and is still there; worse where the collector is off. */
#include "query/findings/rule.h"
#include "query/garbage/garbage.h"

enum { FACTOR_ON = 5 /* thresholds, where the collector is on */ };

static int end(struct rule_run *run, void *state)
{
	const struct garbage_question question = { .limit = 1 };
	struct garbage_answer garbage = { .heap_bytes = 0 };
	struct finding_sum sum = { .bytes = 0 };
	struct text *text = NULL;
	bool is_off = false;
	(void)state;
	if (run->heap->unreachable_bytes < run->answer->threshold)
		return OK;
	int status = query_garbage(run->query, &question, &garbage);
	for (uint32_t i = 0; i < sizeof garbage.kinds / sizeof *garbage.kinds; i++) {
		sum.bytes += garbage.kinds[i].bytes;
		sum.count += garbage.kinds[i].count;
	}
	for (size_t i = 0; i < garbage.collectors.count; i++)
		is_off |= !garbage.collectors.items[i].is_enabled;
	/* Between two collections there is always some. */
	const bool is_much = is_off || sum.bytes >= FACTOR_ON * run->answer->threshold;
	if (status == OK && is_much)
		status = rule_found(run, &sum, false, "garbage", &text);
	if (text != NULL) {
		rule_say_count(text, sum.count, "object");
		text_add(text, " that nothing reaches ");
		text_add(text, sum.count == 1 ? "is" : "are");
		text_add(text, " still there, as much as ");
		rule_say_share(run, text, sum.bytes);
		text_add(text, " of what is reached: cycles of references");
		if (garbage.kinds[GARBAGE_STUCK].bytes > sum.bytes / 2)
			text_add(text, ", of which most can never be collected");
		text_add(text, is_off ? ". The collector is off (gc.disable): switch it on, or break the cycles."
		                      : ". Break the cycles (weakref), or collect more often (gc.set_threshold).");
	}
	garbage_answer_clear(&garbage);
	return status;
}

const struct rule garbage_rule = { .end = end };
