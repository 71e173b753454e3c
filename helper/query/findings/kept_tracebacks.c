/* SPDX-License-Identifier: MIT
 * Exceptions with a traceback: it keeps every frame that the exception passed alive, with all their locals. Those that
 * are being handled now are held by their thread; all others are kept by somebody. */
#include "base/limits.h"
#include "object/type_flags.h"
#include "object/value.h"
#include "query/findings/rule.h"

struct kept {
	struct finding_sum sum;
	uint32_t largest; /* number of the exception that retains most */
};

static bool wants(struct rule_run *run, const struct type_info *type)
{
	(void)run;
	return (type->tp_flags & TPFLAGS_BASE_EXC_SUBCLASS) != 0;
}

static int look(struct rule_run *run, void *state, const struct looked *looked)
{
	struct kept *kept = state;
	uint64_t traceback;
	if (!value_field(&run->decoder->objects, looked->address, FIELD_PyBaseExceptionObject_traceback, &traceback) ||
	    traceback == 0)
		return OK;
	const uint32_t holder = run->heap->dominators.node[run->heap->dominators.idom[looked->number]];
	if (holder >= run->heap->graph->index.count &&
	    run->heap->graph->roots.holders.items[holder - run->heap->graph->index.count].kind == HOLDER_THREAD)
		return OK; /* is being handled */
	sum_add(&kept->sum, looked->node, run->heap->bytes[looked->number]);
	if (kept->largest == 0 || run->heap->bytes[looked->number] > run->heap->bytes[kept->largest])
		kept->largest = looked->number;
	return OK;
}

/* "handle() orders.py:18" of the innermost frame of its traceback. */
static void say_place(struct rule_run *run, uint64_t exception, struct text *text)
{
	struct object_reader *objects = &run->decoder->objects;
	uint64_t traceback, next, frame;
	if (!value_field(objects, exception, FIELD_PyBaseExceptionObject_traceback, &traceback))
		return;
	for (uint32_t i = 0; i < LIMIT_FRAMES && traceback != 0; i++, traceback = next) {
		if (!value_field(objects, traceback, FIELD_PyTracebackObject_tb_next, &next))
			next = 0;
		if (next == 0 && value_field(objects, traceback, FIELD_PyTracebackObject_tb_frame, &frame)) {
			struct text place = { .bytes = NULL };
			if (names_frame_object(run->decoder, frame, &place))
				text_format(text, ", raised in %s", text_string(&place));
			text_free(&place);
		}
	}
}

static int end(struct rule_run *run, void *state)
{
	struct kept *kept = state;
	struct text *text;
	uint32_t holder;
	TRY(rule_found(run, &kept->sum, false, "path referents object", &text));
	if (text == NULL)
		return OK;
	const uint64_t address = retained_node(run->heap, kept->largest, &holder);
	rule_say_count(text, kept->sum.count, "exception");
	text_add(text, kept->sum.count == 1 ? " that was handled keeps its traceback"
	                                    : " that were handled keep their "
	                                      "tracebacks");
	text_add(text, ", and so the frames that it passed with their locals: ");
	rule_say_share(run, text, kept->sum.bytes);
	text_add(text, " of the heap. The one that keeps most is a ");
	names_type(text, reference_type(naming_references(run->naming), kept->largest));
	say_place(run, address, text);
	text_add(text, ". Keep its text, or exc.with_traceback(None); traceback.clear_frames() empties the frames.");
	return OK;
}

const struct rule kept_tracebacks_rule = {
	.state_bytes = sizeof(struct kept), .wants = wants, .look = look, .end = end
};
