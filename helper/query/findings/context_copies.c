/* SPDX-License-Identifier: MIT
 * Contexts (contextvars): each task, timer and callback of asyncio has one, and a copy_context() in an object that
 * lives long keeps all values of that moment. */
#include <string.h>

#include "base/limits.h"
#include "object/value.h"
#include "query/findings/rule.h"

enum { LIMIT_DEPTH = 16 /* of a trie: 7 levels of nodes (Python/hamt.c) */ };

struct contexts {
	struct finding_sum sum; /* bytes: retained */
	uint32_t largest; /* number of the one that keeps most */
};

static bool wants(struct rule_run *run, const struct type_info *type)
{
	(void)run;
	return rule_is_type(type, "context");
}

/* That of a thread is no copy, and one below another's value is counted there. */
static int look(struct rule_run *run, void *state, const struct looked *looked)
{
	struct contexts *contexts = state;
	uint32_t holder;
	const uint32_t above = run->heap->dominators.idom[looked->number];
	const struct type_info *type = reference_type(naming_references(run->naming), above);
	if (retained_node(run->heap, above, &holder) == 0 &&
	    holders_kind(&run->heap->graph->roots.holders, holder) == HOLDER_THREAD)
		return OK;
	if (type != NULL && (rule_is_type(type, "context") || strncmp(type->entry->id, "hamt", 4) == 0))
		return OK;
	sum_add(&contexts->sum, looked->node, run->heap->bytes[looked->number]);
	if (contexts->largest == 0 || run->heap->bytes[looked->number] > run->heap->bytes[contexts->largest])
		contexts->largest = looked->number;
	return OK;
}

/* The variable whose value is the largest in a context: in a node of the trie it stands in front of the value. */
static bool largest_variable(struct rule_run *run, uint32_t context, struct text *text)
{
	uint32_t at = context;
	for (int depth = 0; depth < LIMIT_DEPTH; depth++) {
		const uint32_t child = rule_largest_child(run, at);
		const struct type_info *type =
		        child != 0 ? reference_type(naming_references(run->naming), child) : NULL;
		struct run found;
		uint64_t slot, variable, name;
		if (type == NULL)
			return false;
		if (strncmp(type->entry->id, "hamt", 4) == 0) {
			at = child;
			continue;
		}
		return reference_find(naming_references(run->naming), at, child, &found, &slot) &&
		       reader_u64(&run->decoder->reader, found.address + slot * found.stride - 8, &variable) &&
		       (type = rule_type(run, variable)) != NULL && rule_is_type(type, "context_variable") &&
		       value_field(&run->decoder->objects, variable, FIELD_PyContextVar_var_name, &name) &&
		       value_str(&run->decoder->objects, name, LIMIT_STRING_SHOWN, text) > 0;
	}
	return false;
}

static int end(struct rule_run *run, void *state)
{
	const struct contexts *contexts = state;
	struct text *text, name = { .bytes = NULL };
	TRY(rule_found(run, &contexts->sum, false, "deepsize:-t path", &text));
	if (text == NULL)
		return OK;
	rule_say_count(text, contexts->sum.count, "context");
	text_add(text, contexts->sum.count == 1 ? " of contextvars keeps " : " of contextvars keep ");
	rule_say_share(run, text, contexts->sum.bytes);
	text_add(text, " of the heap alive");
	if (largest_variable(run, contexts->largest, &name)) {
		text_add(text, "; in the largest it is the value of the ContextVar '");
		names_escape(text, text_string(&name), name.length, true);
		text_add(text, "'");
	}
	text_free(&name);
	text_add(text,
	         ". What lives long (a pool, a timer, a task) takes the values of its first user along: reset() the "
	         "variable before, or make it in an empty contextvars.Context().run(...).");
	return OK;
}

const struct rule context_copies_rule = {
	.state_bytes = sizeof(struct contexts), .wants = wants, .look = look, .end = end
};
