/* SPDX-License-Identifier: MIT
 * Docstrings of functions: python -OO does without. Worth a word only where they are a large part. */
#include "query/findings/request.h"

static bool wants(struct rule_run *run, const struct type_info *type)
{
	(void)run;
	return rule_is_type(type, "python_function");
}

static int look(struct rule_run *run, void *state, const struct looked *looked)
{
	const uint64_t doc = body_field(run->decoder->layout, FIELD_PyFunctionObject_func_doc, looked->body);
	const struct type_info *type = doc != 0 ? query_type(run->query, doc) : NULL;
	const uint32_t node = doc != 0 ? object_index_find(&run->heap->graph->index, doc) : UINT32_MAX;
	if (type != NULL && node != UINT32_MAX && rule_is_type(type, "str"))
		sum_add(state, node, request_of_leaf(run, node));
	return OK;
}

static const struct sum_words words = {
	.noun = "docstring",
	.one = " of functions is there",
	.many = " of functions are there",
	.advice = " saved by python -OO, which leaves them out.",
	.next = "object path",
	.least_percent = 20,
};

const struct rule docstrings_rule = {
	.state_bytes = sizeof(struct finding_sum), .wants = wants, .look = look, .words = &words
};
