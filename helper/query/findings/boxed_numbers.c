/* SPDX-License-Identifier: MIT
 * Lists and tuples of a thousand numbers and more, each an object of its own, where an array has eight bytes. */
#include "object/value.h"
#include "query/findings/rule.h"

enum { LEAST_ITEMS = 1000, MOST_SMALL = 256, LEAST_SMALL = -5 /* ints that Python makes once */ };

static bool wants(struct rule_run *run, const struct type_info *type)
{
	(void)run;
	return rule_is_type(type, "list") || rule_is_type(type, "tuple");
}

/* What the numbers take; 0: some item is none. Neighbours that are the same object count once. */
static uint64_t numbers_bytes(struct rule_run *run, const uint8_t *items, uint64_t count)
{
	uint64_t bytes = 0, before = 0;
	for (uint64_t i = 0; i < count; i++) {
		const uint64_t item = load_u64(items + 8 * i);
		const struct type_info *type = query_type(run->query, item);
		int64_t number;
		if (type == NULL || (!rule_is_type(type, "int") && !rule_is_type(type, "float")))
			return 0;
		if (item == before || (type->entry->id[0] == 'i' && value_int(&run->decoder->objects, item, &number) &&
		                       number >= LEAST_SMALL && number <= MOST_SMALL))
			continue;
		before = item;
		const uint32_t node = object_index_find(&run->heap->graph->index, item);
		if (node != UINT32_MAX)
			bytes += rule_rounded(heap_graph_shallow(run->heap->graph, node));
	}
	return bytes;
}

static int look(struct rule_run *run, void *state, const struct looked *looked)
{
	uint64_t count, items;
	if (!value_items(&run->decoder->objects, looked->address, &count, &items) || count < LEAST_ITEMS)
		return OK;
	const uint8_t *words = reader_at(&run->decoder->reader, items, 8 * count);
	const uint64_t bytes = words != NULL ? numbers_bytes(run, words, count) : 0;
	if (bytes > 0)
		sum_add(state, looked->node, bytes);
	return OK;
}

static const struct sum_words words = {
	.noun = "container",
	.one = " holds nothing but numbers, each an object of its own",
	.many = " hold nothing but numbers, each an object of its own",
	.advice = " saved by array.array or numpy, which have the numbers in place.",
	.next = "deepsize object",
};

const struct rule boxed_numbers_rule = {
	.state_bytes = sizeof(struct finding_sum), .wants = wants, .look = look, .words = &words
};
