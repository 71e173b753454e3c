/* SPDX-License-Identifier: MIT
 * Docstrings of functions: python -OO does without. Worth a word only where they are a large part. */
#include "query/findings/rule.h"

enum { LEAST_PERCENT = 20 };

static bool wants(struct rule_run *run, const struct type_info *type)
{
	(void)run;
	return rule_is_type(type, "python_function");
}

static int look(struct rule_run *run, void *state, const struct looked *looked)
{
	const uint64_t doc = layout_get(run->decoder->layout, FIELD_PyFunctionObject_func_doc, looked->body);
	const struct type_info *type = doc != 0 ? query_type(run->query, doc) : NULL;
	const uint32_t node = doc != 0 ? object_index_find(&run->heap->graph->index, doc) : UINT32_MAX;
	if (type != NULL && node != UINT32_MAX && rule_is_type(type, "str"))
		sum_add(state, node, heap_graph_bytes(run->heap->graph, node, run->heap->measure));
	return OK;
}

static int end(struct rule_run *run, void *state)
{
	const struct finding_sum *sum = state;
	struct text *text;
	if (sum->bytes / LEAST_PERCENT * 100 < run->heap->total)
		return OK;
	TRY(rule_found(run, sum, true, "object path", &text));
	if (text == NULL)
		return OK;
	rule_say_count(text, sum->count, "docstring");
	text_add(text, sum->count == 1 ? " takes " : " take ");
	rule_say_share(run, text, sum->bytes);
	text_add(text, " of the heap: python -OO leaves them out.");
	return OK;
}

const struct rule docstrings_rule = {
	.state_bytes = sizeof(struct finding_sum), .wants = wants, .look = look, .end = end
};
