/* SPDX-License-Identifier: MIT
 * Memory of the process that no object has: fragmented, free and not given back, or C code's. */
#include "query/findings/rule.h"
#include "query/memory/memory.h"

enum { LEAST_PERCENT = 25 };

static const uint64_t least_bytes = UINT64_C(32) << 20; /* libraries that are loaded take as much for themselves */

static int end(struct rule_run *run, void *state)
{
	const struct memory_question question = { .limit = 1 };
	struct memory_answer memory = { .mapped = 0 };
	(void)state;
	/* Going through all allocators takes as long as half of all other rules. */
	if (rule_bytes_beside(run) < least_bytes)
		return OK;
	int status = query_memory(run->query, &question, &memory);
	for (size_t i = 0; status == OK && i < memory.verdicts.count; i++) {
		const struct memory_verdict *verdict = &memory.verdicts.items[i];
		const struct finding_sum sum = { .bytes = verdict->bytes, .count = 1 };
		struct text *text;
		if (verdict->kind == VERDICT_OBJECTS || verdict->kind == VERDICT_UNKNOWN ||
		    verdict->bytes < least_bytes || verdict->bytes / LEAST_PERCENT * 100 < memory.private_bytes)
			continue;
		status = rule_found(run, &sum, verdict->kind == VERDICT_RETURNABLE, "memory native", &text);
		if (text != NULL)
			text_add(text, text_string(&verdict->text));
	}
	memory_answer_clear(&memory);
	return status;
}

const struct rule memory_balance_rule = { .end = end };
