/* SPDX-License-Identifier: MIT
 * Files that are open, by the hundred: each has a buffer, and one of text what was decoded of it. */
#include <string.h>

#include "query/findings/rule.h"

static bool is_file(const struct type_info *type)
{
	static const char *const ids[] = { "buffered_reader", "buffered_writer", "buffered_random", "buffered_pair",
		                           "text_io" };
	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
		if (rule_is_type(type, ids[i]))
			return true;
	return false;
}

static bool wants(struct rule_run *run, const struct type_info *type)
{
	(void)run;
	return is_file(type);
}

/* A file of text holds a buffered one, and what that keeps is in what it keeps. */
static int look(struct rule_run *run, void *state, const struct looked *looked)
{
	const struct type_info *above =
	        reference_type(naming_references(run->naming), run->heap->dominators.idom[looked->number]);
	if (above == NULL || !is_file(above))
		sum_add(state, looked->node, run->heap->bytes[looked->number]);
	return OK;
}

static const struct sum_words words = {
	.noun = "file object",
	.one = " has a buffer",
	.many = " have a buffer each",
	.advice = ". Close those that are done with (with open(...) as file); what is read as a whole needs no buffer: "
	          "open(path, 'rb', buffering=0).",
	.next = "object path",
	.is_held = true,
	.least_count = 20,
};

const struct rule reader_buffers_rule = {
	.state_bytes = sizeof(struct finding_sum), .wants = wants, .look = look, .words = &words
};
