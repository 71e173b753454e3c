/* SPDX-License-Identifier: MIT
 * Instances whose attributes are in a dict with a table of keys of its own, while others of their class share one
 * (PEP 412). What the others take is what they would take. */
#include "base/limits.h"
#include "object/value.h"
#include "query/findings/instance_bytes.h"
#include "query/findings/sum_groups.h"

enum { LEAST_SHARING = 10 /* instances: what one takes is known */ };

struct split_classes {
	struct sum_groups lost, sharing; /* by class; bytes: taken, dicts included */
};

static bool wants(struct rule_run *run, const struct type_info *type)
{
	(void)run;
	return (type->flags & TYPE_IS_PYTHON_CLASS) != 0 && type->tp_dictoffset != 0 &&
	       (type->flags & TYPE_IS_METATYPE) == 0;
}

static int look(struct rule_run *run, void *state, const struct looked *looked)
{
	struct split_classes *classes = state;
	struct sum_group *group;
	const struct instance_bytes *instance = instance_bytes_of(run, looked->address);
	TRY(sum_groups_find(run, instance->is_combined ? &classes->lost : &classes->sharing, looked->type->address,
	                    looked, &group));
	sum_add(&group->sum, looked->node, instance->bytes);
	return OK;
}

/* The first attribute at which the two differ in order. */
static bool odd_attribute(struct rule_run *run, uint64_t lost, uint64_t sharing, struct text *text)
{
	struct dict_cursor odd, even;
	uint64_t odd_key, even_key, value, steps = 0;
	if (!value_attribute_cursor(&odd, &run->decoder->objects, lost) ||
	    !value_attribute_cursor(&even, &run->decoder->objects, sharing))
		return false;
	while (dict_cursor_next(&odd, &odd_key, &value) && steps++ < LIMIT_NAMESPACE) {
		if (dict_cursor_next(&even, &even_key, &value) && even_key == odd_key)
			continue;
		struct text name = { .bytes = NULL };
		const bool is_name = value_str(&run->decoder->objects, odd_key, LIMIT_STRING_SHOWN, &name) > 0;
		if (is_name)
			names_escape(text, text_string(&name), name.length, false);
		text_free(&name);
		return is_name;
	}
	return false;
}

static int say(struct rule_run *run, const struct sum_group *lost, const struct sum_group *sharing)
{
	const uint64_t usual = sharing->sum.bytes / sharing->sum.count;
	struct finding_sum saved = lost->sum;
	struct text *text, name = { .bytes = NULL };
	if (sharing->sum.count < LEAST_SHARING || lost->sum.bytes <= usual * lost->sum.count)
		return OK;
	saved.bytes = lost->sum.bytes - usual * lost->sum.count;
	TRY(rule_found(run, &saved, true, "object path", &text));
	if (text == NULL)
		return OK;
	rule_say_count(text, lost->sum.count, "instance");
	text_add(text, " of ");
	names_type(text, lost->first.type);
	text_format(text, " have a table of attribute names each and take %lu bytes; those that share one take %lu: ",
	            (unsigned long)(lost->sum.bytes / lost->sum.count), (unsigned long)usual);
	rule_say_share(run, text, saved.bytes);
	text_add(text, " of the heap saved. ");
	if (odd_attribute(run, lost->first.address, sharing->first.address, &name))
		text_format(text, "They differ from the attribute '%s' on. ", text_string(&name));
	text_free(&name);
	text_add(text, "Set all attributes in __init__, always in one order, and do not assign to or clear __dict__.");
	return OK;
}

static int end(struct rule_run *run, void *state)
{
	struct split_classes *classes = state;
	for (size_t i = 0; i < classes->lost.groups.count; i++) {
		const struct sum_group *lost = &classes->lost.groups.items[i];
		const uint32_t index = address_map_get(&classes->sharing.by_key, lost->key);
		if (index != ADDRESS_MAP_NONE)
			TRY(say(run, lost, &classes->sharing.groups.items[index]));
	}
	return OK;
}

static void clear(void *state)
{
	struct split_classes *classes = state;
	sum_groups_clear(&classes->lost);
	sum_groups_clear(&classes->sharing);
}

const struct rule shared_keys_rule = {
	.state_bytes = sizeof(struct split_classes), .wants = wants, .look = look, .end = end, .clear = clear
};
