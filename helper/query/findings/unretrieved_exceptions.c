/* SPDX-License-Identifier: MIT
 * Exceptions by which asyncio tasks and futures ended and that nobody asked for. Python says so only when such a task
 * goes: one that is kept is silent about what went wrong. */
#include "object/value.h"
#include "query/findings/rule.h"
#include "query/tasks/future.h"

struct unretrieved {
	struct finding_sum sum; /* bytes: retained by the tasks and futures */
	uint64_t largest, exception; /* bytes of the one that keeps most, and what it ended by */
};

static bool wants(struct rule_run *run, const struct type_info *type)
{
	return awaitable_is_future(awaitable_kind_of_type(run->decoder, type));
}

static int look(struct rule_run *run, void *state, const struct looked *looked)
{
	struct unretrieved *found = state;
	const enum awaitable_kind kind = awaitable_kind_of_type(run->decoder, looked->type);
	const uint64_t bytes = run->heap->bytes[looked->number];
	struct future future;
	if (!future_read(run->decoder, looked->address, kind, &future) || future.state != FUTURE_FINISHED ||
	    !future.not_retrieved || future.exception == 0)
		return OK;
	sum_add(&found->sum, looked->node, bytes);
	if (found->exception == 0 || bytes > found->largest) {
		found->largest = bytes;
		found->exception = future.exception;
	}
	return OK;
}

static int end(struct rule_run *run, void *state)
{
	const struct unretrieved *found = state;
	const struct type_info *type = found->exception != 0 ? rule_type(run, found->exception) : NULL;
	struct text *text;
	if (found->sum.count == 0)
		return OK;
	TRY(rule_found_any(run, &found->sum, "tracebacks object path", &text));
	rule_say_count(text, found->sum.count, "asyncio task or future");
	text_add(text, " ended by an exception that nobody asked for");
	if (type != NULL) {
		text_add(text, found->sum.count > 1 ? ", such as a " : ", a ");
		names_type(text, type);
	}
	text_add(text, ": ");
	rule_say_share(run, text, found->sum.bytes);
	text_add(text, " of the heap. Python warns of it only when such a task goes, and somebody keeps it. Await it, "
	               "ask it for its exception(), or log that in a callback: task.add_done_callback(log_failure).");
	return OK;
}

const struct rule unretrieved_exceptions_rule = {
	.state_bytes = sizeof(struct unretrieved), .wants = wants, .look = look, .end = end
};
