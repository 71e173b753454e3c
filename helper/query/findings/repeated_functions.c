/* SPDX-License-Identifier: MIT
 * Functions of one code by the ten thousand: a lambda or a nested function made for each object. */
#include "base/address_map.h"
#include "object/value.h"
#include "query/findings/rule.h"

enum { LEAST_FUNCTIONS = 10000 };

struct code_sum {
	struct finding_sum sum; /* bytes: retained */
	uint64_t function; /* one of them */
};

struct codes {
	struct address_map by_code;
	ARRAY(struct code_sum) sums;
};

static bool wants(struct rule_run *run, const struct type_info *type)
{
	(void)run;
	return rule_is_type(type, "python_function");
}

static int look(struct rule_run *run, void *state, const struct looked *looked)
{
	struct codes *codes = state;
	const uint64_t code = layout_get(run->decoder->layout, FIELD_PyFunctionObject_func_code, looked->body);
	if (code == 0)
		return OK;
	uint32_t index = address_map_get(&codes->by_code, code);
	if (index == ADDRESS_MAP_NONE) {
		const struct code_sum sum = { .function = looked->address };
		index = (uint32_t)codes->sums.count;
		if (!array_push(&codes->sums, sum) || !address_map_set(&codes->by_code, code, index))
			return query_no_memory(run->query, "the sums of functions");
	}
	sum_add(&codes->sums.items[index].sum, looked->node, run->heap->bytes[looked->number]);
	return OK;
}

static int end(struct rule_run *run, void *state)
{
	struct codes *codes = state;
	for (size_t i = 0; i < codes->sums.count; i++) {
		const struct code_sum *sum = &codes->sums.items[i];
		struct text *text;
		if (sum->sum.count < LEAST_FUNCTIONS)
			continue;
		TRY(rule_found(run, &sum->sum, true, "object path", &text));
		if (text == NULL)
			continue;
		rule_say_count(text, sum->sum.count, "function");
		text_add(text, " of the same code, such as ");
		names_describe(run->decoder, sum->function, &run->query->names, text);
		text_add(text, ", keep ");
		rule_say_share(run, text, sum->sum.bytes);
		text_add(text, " of the heap with their closures. Make a method of it, or one function that takes what "
		               "differs as an argument.");
	}
	return OK;
}

static void clear(void *state)
{
	struct codes *codes = state;
	address_map_clear(&codes->by_code);
	array_free(&codes->sums);
}

const struct rule repeated_functions_rule = {
	.state_bytes = sizeof(struct codes), .wants = wants, .look = look, .end = end, .clear = clear
};
