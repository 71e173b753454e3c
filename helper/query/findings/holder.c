/* SPDX-License-Identifier: MIT
 * One object that dominates a fifth of the heap, followed down to where the memory fans out. Interpreters, modules,
 * classes and their namespaces hold everything and say nothing: they are passed. */
#include "query/findings/rule.h"

enum { LEAST_PERCENT = 20, FOLLOW_PERCENT = 70 };

static const uint64_t least_bytes = UINT64_C(2) << 20; /* below that an interpreter's own modules are a fifth */

static int say(struct rule_run *run, uint32_t number)
{
	struct text *text, name = { .bytes = NULL };
	uint32_t holder;
	TRY(rule_found_object(run, run->heap->bytes[number], number, "deepsize:-t path object", &text));
	if (text == NULL)
		return OK;
	if (!naming_number(run->naming, number, &name))
		text_add(&name, "an object without a name");
	text_format(text, "%s keeps ", text_string(&name));
	rule_say_share(run, text, run->heap->bytes[number]);
	text_add(text, " of the heap alive");
	const uint64_t address = retained_node(run->heap, number, &holder);
	if (address != 0) {
		text_add(text, ": ");
		names_describe(run->decoder, address, &run->query->names, text);
	}
	text_add(text, ". If it is a cache or a history, give it a bound; if it is what the program works on, look "
	               "below it.");
	text_free(&name);
	return OK;
}

/* From the start down: what says nothing is opened, all else is a candidate. */
static int end(struct rule_run *run, void *state)
{
	ARRAY(uint32_t) open = { 0 };
	const struct dominator_children *children = &run->heap->children;
	int status = array_push(&open, 0) ? OK : query_no_memory(run->query, "findings");
	(void)state;
	while (status == OK && open.count > 0) {
		uint32_t number = open.items[--open.count];
		for (uint32_t child = children->first[number]; status == OK && child != 0;
		     child = children->next[child]) {
			const uint64_t bytes = run->heap->bytes[child];
			if (bytes < least_bytes || bytes / LEAST_PERCENT * 100 < run->heap->total)
				continue;
			if (rule_is_structure(run, child)) {
				if (!array_push(&open, child))
					status = query_no_memory(run->query, "findings");
				continue;
			}
			uint32_t found = child, next;
			while ((next = rule_largest_child(run, found)) != 0 &&
			       run->heap->bytes[next] / FOLLOW_PERCENT * 100 >= run->heap->bytes[found])
				found = next;
			status = say(run, found);
		}
	}
	array_free(&open);
	return status;
}

const struct rule holder_rule = { .end = end, .says_where = true };
