/* SPDX-License-Identifier: MIT
 * Many instances of a class without __slots__: each has values or a dict of its own, and two words for them in front.
 * What __slots__ would save depends much on the version, so it is computed from what they take here. */
#include "object/value.h"
#include "query/findings/instance_bytes.h"
#include "query/findings/request.h"
#include "query/findings/sum_groups.h"

enum { LEAST_INSTANCES = 10000, MOST_WORDS = 2 /* of the body beside its head: dict and weak references */ };

static bool wants(struct rule_run *run, const struct type_info *type)
{
	const uint64_t head = run->decoder->layout->struct_bytes[STRUCT_PyObject];
	return (type->flags & TYPE_IS_PYTHON_CLASS) != 0 && type->tp_dictoffset != 0 && type->tp_itemsize == 0 &&
	       (type->flags & TYPE_IS_METATYPE) == 0 && type->tp_basicsize >= 0 &&
	       (uint64_t)type->tp_basicsize <= head + 8 * MOST_WORDS;
}

/* bytes: taken, dicts included. most: attributes. marked: instances for which a dict object was made. */
static int look(struct rule_run *run, void *state, const struct looked *looked)
{
	struct sum_group *group;
	TRY(sum_groups_find(run, state, looked->type->address, looked, &group));
	const struct instance_bytes *instance = instance_bytes_of(run, looked->address);
	uint64_t attributes = 0, key, value;
	struct dict_cursor cursor;
	group->marked += instance->dict != 0;
	/* The first instances say how many there are; what some lack takes room in all of them. */
	if (group->sum.count < LEAST_INSTANCES &&
	    value_attribute_cursor(&cursor, &run->decoder->objects, looked->address))
		while (dict_cursor_next(&cursor, &key, &value))
			attributes++;
	if (attributes > group->most)
		group->most = attributes;
	sum_add(&group->sum, looked->node, instance->bytes);
	return OK;
}

static int say(struct rule_run *run, const struct sum_group *group)
{
	const uint64_t slots = request_slots(run, group->most);
	struct finding_sum saved = group->sum;
	struct text *text;
	if (group->sum.count < LEAST_INSTANCES || group->sum.bytes <= slots * group->sum.count)
		return OK;
	saved.bytes = group->sum.bytes - slots * group->sum.count;
	TRY(rule_found(run, &saved, true, "object path", &text));
	if (text == NULL)
		return OK;
	rule_say_count(text, group->sum.count, "instance");
	text_add(text, " of ");
	names_type(text, group->first.type);
	text_format(text, " take %lu bytes each; with __slots__ they would take %lu: ",
	            (unsigned long)(group->sum.bytes / group->sum.count), (unsigned long)slots);
	rule_say_share(run, text, saved.bytes);
	text_add(text, " of the heap saved.");
	if (group->marked > group->sum.count / 2)
		text_add(text, " Most have a __dict__ object besides: something asks for vars() or __dict__, or sets "
		               "attributes in another order.");
	return OK;
}

static int end(struct rule_run *run, void *state)
{
	const struct sum_groups *groups = state;
	for (size_t i = 0; i < groups->groups.count; i++)
		TRY(say(run, &groups->groups.items[i]));
	return OK;
}

const struct rule missing_slots_rule = {
	.state_bytes = sizeof(struct sum_groups), .wants = wants, .look = look, .end = end, .clear = sum_groups_clear
};
