/* SPDX-License-Identifier: MIT
 * Tuples of equal strings and numbers that are different objects. */
#include "object/value.h"
#include "query/findings/str_value.h"
#include "query/findings/value_table.h"

enum { MOST_ITEMS = 16, FACTOR = 2 };

struct equals {
	struct value_table values;
	struct finding_sum sum;
};

static bool wants(struct rule_run *run, const struct type_info *type)
{
	(void)run;
	return rule_is_type(type, "tuple");
}

/* Of an item: of strings and numbers their value, of anything else its address, which is the same only if it is. */
static uint64_t item_hash(struct rule_run *run, uint64_t item)
{
	uint64_t hash;
	int64_t number;
	double real;
	bool is_interned;
	const struct type_info *type = query_type(run->query, item);
	if (type != NULL && rule_is_type(type, "str") && str_value_hash(run, item, &hash, &is_interned))
		return hash;
	if (type != NULL && rule_is_type(type, "int") && value_int(&run->decoder->objects, item, &number))
		return value_hash((const uint8_t *)&number, sizeof number, 'i');
	if (type != NULL && rule_is_type(type, "float") && value_float(&run->decoder->objects, item, &real))
		return value_hash((const uint8_t *)&real, sizeof real, 'f');
	return value_hash((const uint8_t *)&item, sizeof item, 'o');
}

static int look(struct rule_run *run, void *state, const struct looked *looked)
{
	struct equals *equals = state;
	uint64_t count, items, item, hashes[MOST_ITEMS];
	bool is_new;
	if (rule_is_of_code(run, looked->number))
		return OK;
	if (!value_items(&run->decoder->objects, looked->address, &count, &items) || count == 0 || count > MOST_ITEMS)
		return OK;
	for (uint64_t i = 0; i < count; i++) {
		if (!reader_u64(&run->decoder->reader, items + 8 * i, &item) || item == 0)
			return OK;
		hashes[i] = item_hash(run, item);
	}
	if (!value_table_add(&equals->values, value_hash((const uint8_t *)hashes, 8 * count, 't'), &is_new))
		return query_no_memory(run->query, "the values of tuples");
	if (!is_new)
		sum_add(&equals->sum, looked->node,
		        heap_graph_bytes(run->heap->graph, looked->node, run->heap->measure));
	return OK;
}

static int end(struct rule_run *run, void *state)
{
	struct equals *equals = state;
	struct text *text;
	if (equals->sum.bytes < FACTOR * run->answer->threshold)
		return OK;
	TRY(rule_found(run, &equals->sum, true, "object path", &text));
	if (text == NULL)
		return OK;
	rule_say_count(text, equals->sum.count, "tuple");
	text_add(text, equals->sum.count == 1 ? " equals" : " equal");
	text_add(text, " another one; one of each would do: ");
	rule_say_share(run, text, equals->sum.bytes);
	text_add(text, " of the heap saved, and what only they hold. Keep each once: KNOWN.setdefault(value, value).");
	return OK;
}

static void clear(void *state)
{
	value_table_clear(&((struct equals *)state)->values);
}

const struct rule equal_tuples_rule = {
	.state_bytes = sizeof(struct equals), .wants = wants, .look = look, .end = end, .clear = clear
};
