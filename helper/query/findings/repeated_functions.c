/* SPDX-License-Identifier: MIT
 * Functions of one code, and partial objects of one function, by the ten thousand: made for each object. */
#include "object/value.h"
#include "query/findings/request.h"
#include "query/findings/sum_groups.h"

enum { LEAST_FUNCTIONS = 10000, MOST_PARTS = 32 };

static bool wants(struct rule_run *run, const struct type_info *type)
{
	(void)run;
	return rule_is_type(type, "python_function") || rule_is_type(type, "partial");
}

/* What goes with it: its closure's cells, its tuple of arguments; what these hold is needed all the same. */
static uint64_t bytes_with_closure(const struct rule_run *run, uint32_t number)
{
	const struct retained *heap = run->heap;
	uint64_t bytes = 0;
	uint32_t at = number;
	for (uint32_t i = 0; i < MOST_PARTS && (i == 0 || at != 0); i++) {
		const struct type_info *type = reference_type(naming_references(run->naming), at);
		if (type != NULL &&
		    (i == 0 || rule_is_type(type, "tuple") || rule_is_type(type, "cell") || rule_is_type(type, "dict")))
			bytes += request_of_leaf(run, heap->dominators.node[at]);
		at = dominators_next(&heap->dominators, &heap->children, number, at);
	}
	return bytes;
}

static int look(struct rule_run *run, void *state, const struct looked *looked)
{
	struct sum_group *group;
	const uint64_t code = body_field(run->decoder->layout,
	                                 rule_is_type(looked->type, "partial") ? FIELD_partialobject_fn
	                                                                       : FIELD_PyFunctionObject_func_code,
	                                 looked->body);
	if (code == 0)
		return OK;
	TRY(sum_groups_find(run, state, code, looked, &group));
	sum_add(&group->sum, looked->node, bytes_with_closure(run, looked->number));
	return OK;
}

static int say(struct rule_run *run, const struct sum_group *group)
{
	struct text *text;
	const bool is_partial = rule_is_type(group->first.type, "partial");
	if (group->sum.count < LEAST_FUNCTIONS)
		return OK;
	TRY(rule_found(run, &group->sum, true, "object path", &text));
	if (text == NULL)
		return OK;
	rule_say_count(text, group->sum.count, is_partial ? "partial object" : "function");
	text_add(text, is_partial ? " of the same function, such as " : " of the same code, such as ");
	names_describe(run->decoder, group->first.address, &run->query->names, text);
	text_add(text, " take ");
	rule_say_share(run, text, group->sum.bytes);
	text_add(text,
	         is_partial ? " of the heap with the tuples of their arguments" : " of the heap with their closures");
	text_add(text, ". Make a method of it, or one function that takes what differs as an argument.");
	return OK;
}

static int end(struct rule_run *run, void *state)
{
	const struct sum_groups *groups = state;
	for (size_t i = 0; i < groups->groups.count; i++)
		TRY(say(run, &groups->groups.items[i]));
	return OK;
}

const struct rule repeated_functions_rule = {
	.state_bytes = sizeof(struct sum_groups), .wants = wants, .look = look, .end = end, .clear = sum_groups_clear
};
