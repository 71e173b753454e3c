/* SPDX-License-Identifier: MIT
 * Strings and bytes of equal value that are different objects. Interned ones are the only one of their value. */
#include "query/findings/str_value.h"
#include "query/findings/value_table.h"

enum { FACTOR = 2 /* thresholds: a healthy program has a few */ };

struct duplicates {
	struct value_table values;
	struct finding_sum sum;
	uint64_t longest; /* bytes of the largest */
};

static bool wants(struct rule_run *run, const struct type_info *type)
{
	(void)run;
	return rule_is_type(type, "str") || rule_is_type(type, "bytes");
}

static int look(struct rule_run *run, void *state, const struct looked *looked)
{
	struct duplicates *duplicates = state;
	const uint64_t bytes = heap_graph_bytes(run->heap->graph, looked->node, run->heap->measure);
	uint64_t hash;
	bool is_interned = false, is_new;
	if (looked->type->entry->id[0] == 's' ? !str_value_hash(run, looked->address, &hash, &is_interned)
	                                      : !bytes_value_hash(run, looked->address, &hash))
		return OK;
	if (!value_table_add(&duplicates->values, hash, &is_new))
		return query_no_memory(run->query, "the values of strings");
	if (is_new || is_interned || rule_is_of_code(run, looked->number))
		return OK;
	sum_add(&duplicates->sum, looked->node, bytes);
	if (bytes > duplicates->longest)
		duplicates->longest = bytes;
	return OK;
}

static int end(struct rule_run *run, void *state)
{
	struct duplicates *duplicates = state;
	struct text *text;
	if (duplicates->sum.bytes < FACTOR * run->answer->threshold)
		return OK;
	TRY(rule_found(run, &duplicates->sum, true, "object path", &text));
	if (text == NULL)
		return OK;
	rule_say_count(text, duplicates->sum.count, "string");
	text_add(text, duplicates->sum.count == 1 ? " has" : " have");
	text_add(text, " a value that another one has as well; one of each would do: ");
	rule_say_share(run, text, duplicates->sum.bytes);
	text_add(text, " of the heap saved. Pass what repeats through sys.intern() or a dict where it is read; for "
	               "few values use an Enum, in pandas a category.");
	return OK;
}

static void clear(void *state)
{
	value_table_clear(&((struct duplicates *)state)->values);
}

const struct rule duplicate_strings_rule = {
	.state_bytes = sizeof(struct duplicates), .wants = wants, .look = look, .end = end, .clear = clear
};
