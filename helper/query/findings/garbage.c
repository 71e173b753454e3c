/* SPDX-License-Identifier: MIT
 * What no root reaches and is still there; worse where the collector is off. */
#include "base/quantity.h"
#include "query/findings/rule.h"
#include "query/garbage/garbage.h"

enum { FACTOR_ON = 5 /* thresholds, where the collector is on */ };

/* Of C code, that may hang on garbage: less is not worth the time that it takes to know. */
static const uint64_t least_beside = UINT64_C(32) << 20;

/* Of C code, for the garbage; 0: not worth making an estimate of what is exact without it. */
static uint64_t native_bytes(const struct rule_run *run, const struct garbage_answer *garbage)
{
	return garbage->native.garbage >= run->answer->threshold ? garbage->native.garbage : 0;
}

static void say(const struct rule_run *run, const struct garbage_answer *garbage, const struct garbage_sum *sum,
                struct text *text)
{
	rule_say_count(text, sum->count, "object");
	text_add(text, " that nothing reaches ");
	text_add(text, sum->count == 1 ? "is" : "are");
	text_add(text, " still there, as much as ");
	rule_say_share(run, text, sum->bytes);
	text_add(text, " of what is reached");
	if (sum->native > 0) {
		text_add(text, garbage->native.is_exact ? ", and " : ", and ~");
		quantity_bytes(text, sum->native);
		text_add(text, " of C code that hang on them");
	}
	text_add(text, ": cycles of references");
	if (garbage_weight(&garbage->kinds[GARBAGE_STUCK]) > garbage_weight(sum) / 2)
		text_add(text, ", of which most can never be collected");
}

static int end(struct rule_run *run, void *state)
{
	const struct garbage_question question = { .limit = 1 };
	struct garbage_answer garbage = { .heap_bytes = 0 };
	struct garbage_sum all = { .bytes = 0 };
	struct text *text = NULL;
	bool is_off = false;
	(void)state;
	if (run->heap->unreachable_count == 0 ||
	    (run->heap->unreachable_bytes < run->answer->threshold && rule_bytes_beside(run) < least_beside))
		return OK;
	int status = query_garbage(run->query, &question, &garbage);
	for (uint32_t i = 0; i < sizeof garbage.kinds / sizeof *garbage.kinds; i++) {
		all.bytes += garbage.kinds[i].bytes;
		all.count += garbage.kinds[i].count;
	}
	all.native = native_bytes(run, &garbage);
	for (size_t i = 0; i < garbage.collectors.count; i++)
		is_off |= !garbage.collectors.items[i].is_enabled;
	/* Between two collections there is always some. */
	const struct finding_sum sum = { .bytes = garbage_weight(&all), .count = all.count };
	if (status == OK && (is_off || sum.bytes >= FACTOR_ON * run->answer->threshold))
		status = rule_found(run, &sum, false, "garbage", &text);
	if (text != NULL) {
		run->answer->findings.items[run->answer->findings.count - 1].is_estimate =
		        all.native > 0 && !garbage.native.is_exact;
		say(run, &garbage, &all, text);
		text_add(text, is_off ? ". The collector is off (gc.disable): switch it on, or break the cycles."
		                      : ". Break the cycles (weakref), or collect more often (gc.set_threshold).");
	}
	garbage_answer_clear(&garbage);
	return status;
}

const struct rule garbage_rule = { .end = end };
