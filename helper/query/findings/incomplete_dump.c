/* SPDX-License-Identifier: MIT
 * A dump that lacks something that matters: all numbers are then of what is there. */
#include <inttypes.h>

#include "query/findings/rule.h"

static int end(struct rule_run *run, void *state)
{
	const struct memory_coverage *coverage = &run->query->target->space->coverage;
	struct text *text;
	(void)state;
	if (!coverage_is_partial(&run->answer->coverage) && coverage->absent_truncated == 0)
		return OK;
	TRY(rule_found_urgent(run, "info", &text));
	text_add(text, "This dump is not whole: ");
	rule_say_count(text, run->answer->coverage.unreadable, "reference");
	text_add(text, " lead to memory that it lacks");
	if (coverage->absent_truncated > 0)
		text_format(text, ", and it ends %" PRIu64 " MiB before it should", coverage->absent_truncated >> 20);
	text_add(text, ". What is said here is of what it has. Make room for core files, and write them whole "
	               "(coredump_filter 0x3f).");
	return OK;
}

const struct rule incomplete_dump_rule = { .end = end };
