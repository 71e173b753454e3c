/* SPDX-License-Identifier: MIT
 * Exceptions with a traceback: it keeps every frame that the exception passed alive, with all their locals. Those that
 * are being handled now are held by their thread; all others are kept by somebody. */
#include <inttypes.h>
#include <string.h>

#include "base/limits.h"
#include "object/type_flags.h"
#include "object/value.h"
#include "query/findings/rule.h"
#include "query/tracebacks.h"

static bool wants(struct rule_run *run, const struct type_info *type)
{
	(void)run;
	return (type->tp_flags & TPFLAGS_BASE_EXC_SUBCLASS) != 0;
}

static int look(struct rule_run *run, void *state, const struct looked *looked)
{
	uint64_t traceback;
	if (!value_field(&run->decoder->objects, looked->address, FIELD_PyBaseExceptionObject_traceback, &traceback) ||
	    traceback == 0)
		return OK;
	const uint32_t holder = run->heap->dominators.node[run->heap->dominators.idom[looked->number]];
	if (holder >= run->heap->graph->index.count &&
	    holders_kind(&run->heap->graph->roots.holders, holder - run->heap->graph->index.count) == HOLDER_THREAD)
		return OK; /* is being handled */
	sum_add(state, looked->node, run->heap->bytes[looked->number]);
	return OK;
}

/* Of the exceptions that keep most: where they were raised, and the local that is most of it. */
static void say_group(struct rule_run *run, const struct traceback_group *group, struct text *text)
{
	text_add(text, " Most is kept by ");
	rule_say_count(text, group->count, "exception");
	text_add(text, " of type ");
	names_type(text, group->type);
	if (group->places.count > 0) {
		const struct traceback_place *raised = &group->places.items[group->places.count - 1];
		text_add(text, ", raised in ");
		names_place_at(run->decoder, &raised->frame, raised->line, text);
	}
	if (group->heaviest != UINT32_MAX) {
		const struct traceback_place *place = &group->places.items[group->heaviest];
		struct text name = { .bytes = NULL };
		(void)value_str(&run->decoder->objects, place->local_name, LIMIT_STRING_SHOWN, &name);
		text_add(text, ", through the local '");
		names_escape(text, text_string(&name), name.length, true);
		text_add(text, "' of ");
		names_place_at(run->decoder, &place->frame, place->line, text);
		text_free(&name);
	}
	text_add(text, ".");
}

static int end(struct rule_run *run, void *state)
{
	const struct finding_sum *sum = state;
	struct tracebacks_answer tracebacks = { .exceptions = 0 };
	struct text *text;
	TRY(rule_found(run, sum, false, "path referents object", &text));
	if (text == NULL)
		return OK;
	rule_say_count(text, sum->count, "exception");
	text_add(text, sum->count == 1
	                       ? " that was handled keeps its traceback, and so the frames that it passed"
	                       : " that were handled keep their tracebacks, and so the frames that they passed");
	text_add(text, " with their locals: ");
	rule_say_share(run, text, sum->bytes);
	text_add(text, " of the heap.");
	const int status = query_tracebacks(run->query, 0, &tracebacks);
	if (status == OK && tracebacks.groups.count > 0)
		say_group(run, &tracebacks.groups.items[0], text);
	tracebacks_answer_clear(&tracebacks);
	text_add(text,
	         " Keep the text of an exception, or exc.with_traceback(None); traceback.clear_frames() empties the "
	         "frames.");
	return status;
}

const struct rule kept_tracebacks_rule = {
	.state_bytes = sizeof(struct finding_sum), .wants = wants, .look = look, .end = end
};
