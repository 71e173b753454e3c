/* SPDX-License-Identifier: MIT
 * Many instances of a class without __slots__: each has values or a dict of its own, and two words for them in front.
 * What __slots__ would save depends much on the version, so it is computed from what they take here. */
#include "base/address_map.h"
#include "object/value.h"
#include "query/findings/rule.h"

enum { LEAST_INSTANCES = 10000, MOST_WORDS = 2 /* of the body beside its head: dict and weak references */ };

struct class_sum {
	struct finding_sum sum; /* bytes: taken, dicts included */
	const struct type_info *type;
	uint64_t most_attributes;
	uint64_t dicts; /* instances for which a dict object was made */
};

struct classes {
	struct address_map by_type;
	ARRAY(struct class_sum) sums;
};

static bool wants(struct rule_run *run, const struct type_info *type)
{
	const uint64_t head = run->decoder->layout->struct_bytes[STRUCT_PyObject];
	return (type->flags & TYPE_IS_PYTHON_CLASS) != 0 && type->tp_dictoffset != 0 && type->tp_itemsize == 0 &&
	       (type->flags & TYPE_IS_METATYPE) == 0 && type->tp_basicsize >= 0 &&
	       (uint64_t)type->tp_basicsize <= head + 8 * MOST_WORDS;
}

static int look(struct rule_run *run, void *state, const struct looked *looked)
{
	struct classes *classes = state;
	struct attribute_storage storage = { .dict = 0 };
	uint32_t index = address_map_get(&classes->by_type, looked->type->address);
	if (index == ADDRESS_MAP_NONE) {
		const struct class_sum sum = { .type = looked->type };
		index = (uint32_t)classes->sums.count;
		if (!array_push(&classes->sums, sum) ||
		    !address_map_set(&classes->by_type, looked->type->address, index))
			return query_no_memory(run->query, "the sums of classes");
	}
	struct class_sum *sum = &classes->sums.items[index];
	uint64_t bytes = rule_allocated(run, looked->address), attributes = 0, key, value;
	struct dict_cursor cursor;
	if (value_instance_attributes(&run->decoder->objects, looked->address, &storage) && storage.dict != 0) {
		bytes += rule_allocated(run, storage.dict);
		sum->dicts++;
	}
	/* The first instances say how many there are; what some lack takes room in all of them. */
	if (sum->sum.count < LEAST_INSTANCES &&
	    value_attribute_cursor(&cursor, &run->decoder->objects, looked->address))
		while (dict_cursor_next(&cursor, &key, &value))
			attributes++;
	if (attributes > sum->most_attributes)
		sum->most_attributes = attributes;
	sum_add(&sum->sum, looked->node, bytes);
	return OK;
}

static int end(struct rule_run *run, void *state)
{
	struct classes *classes = state;
	for (size_t i = 0; i < classes->sums.count; i++) {
		const struct class_sum *sum = &classes->sums.items[i];
		const uint64_t slots = rule_slots_bytes(run, sum->most_attributes);
		struct finding_sum saved = sum->sum;
		struct text *text;
		if (sum->sum.count < LEAST_INSTANCES || sum->sum.bytes <= slots * sum->sum.count)
			continue;
		saved.bytes = sum->sum.bytes - slots * sum->sum.count;
		TRY(rule_found(run, &saved, true, "object path", &text));
		if (text == NULL)
			continue;
		rule_say_count(text, sum->sum.count, "instance");
		text_add(text, " of ");
		names_type(text, sum->type);
		text_format(text, " take %lu bytes each; with __slots__ they would take %lu: ",
		            (unsigned long)(sum->sum.bytes / sum->sum.count), (unsigned long)slots);
		rule_say_share(run, text, saved.bytes);
		text_add(text, " of the heap saved.");
		if (sum->dicts > sum->sum.count / 2)
			text_add(text,
			         " Most have a __dict__ object besides: something asks for vars() or __dict__, or "
			         "sets attributes in another order.");
	}
	return OK;
}

static void clear(void *state)
{
	struct classes *classes = state;
	address_map_clear(&classes->by_type);
	array_free(&classes->sums);
}

const struct rule missing_slots_rule = {
	.state_bytes = sizeof(struct classes), .wants = wants, .look = look, .end = end, .clear = clear
};
