/* SPDX-License-Identifier: MIT
 * Lists, tuples and values of dicts that are a thousand numbers and more, each an object of its own, where an array has
 * eight bytes. */
#include <string.h>

#include "object/value.h"
#include "query/findings/leaf_value.h"
#include "query/findings/request.h"

enum { LEAST_ITEMS = 1000, MOST_SMALL = 256, LEAST_SMALL = -5 /* ints that Python makes once */ };

static bool wants(struct rule_run *run, const struct type_info *type)
{
	(void)run;
	return rule_is_type(type, "list") || rule_is_type(type, "tuple") || rule_is_type(type, "dict");
}

static bool is_small(struct rule_run *run, uint64_t item)
{
	int64_t number;
	return value_int(&run->decoder->objects, item, &number) && number >= LEAST_SMALL && number <= MOST_SMALL;
}

/* Adds what a number takes; false: it is none. */
static bool add_number(struct rule_run *run, uint64_t item, uint64_t *bytes)
{
	const struct type_info *type = rule_type(run, item);
	const enum leaf_kind kind = type != NULL ? leaf_kind_of(run, type) : LEAF_NONE;
	if (kind != LEAF_INT && kind != LEAF_FLOAT &&
	    (type == NULL || strncmp(type->entry->id, "numpy_scalar", strlen("numpy_scalar")) != 0))
		return false;
	if (kind == LEAF_INT && is_small(run, item))
		return true;
	const uint32_t node = object_index_find(&run->heap->graph->index, item);
	if (node != UINT32_MAX)
		*bytes += request_taken(run, heap_graph_shallow(run->heap->graph, node));
	return true;
}

/* What the numbers take; 0: some item is none. Neighbours that are the same object count once. */
static uint64_t items_bytes(struct rule_run *run, uint64_t address)
{
	uint64_t count, items, bytes = 0, before = 0;
	if (!value_items(&run->decoder->objects, address, &count, &items) || count < LEAST_ITEMS)
		return 0;
	const uint8_t *words = reader_at(&run->decoder->reader, items, 8 * count);
	for (uint64_t i = 0; words != NULL && i < count; i++) {
		const uint64_t item = load_u64(words + 8 * i);
		if (item != before && !add_number(run, item, &bytes))
			return 0;
		before = item;
	}
	return bytes;
}

/* The same of the values of a dict; its keys stay. */
static uint64_t values_bytes(struct rule_run *run, uint64_t address)
{
	struct dict_cursor cursor;
	uint64_t key, value, bytes = 0, before = 0;
	if (!dict_cursor_open(&cursor, &run->decoder->objects, address))
		return 0;
	while (dict_cursor_next(&cursor, &key, &value)) {
		if (value != before && !add_number(run, value, &bytes))
			return 0;
		before = value;
	}
	return bytes;
}

static int look(struct rule_run *run, void *state, const struct looked *looked)
{
	uint64_t bytes = 0;
	if (!rule_is_type(looked->type, "dict"))
		bytes = items_bytes(run, looked->address);
	else if (body_field(run->decoder->layout, FIELD_PyDictObject_ma_used, looked->body) >= LEAST_ITEMS)
		bytes = values_bytes(run, looked->address);
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
