/* SPDX-License-Identifier: MIT
 * Many objects of one class, or dicts of the same keys, that together keep a fifth of the heap alive, none of them by
 * itself: no list of single objects shows them. */
#include "object/value.h"
#include "query/findings/record_keys.h"
#include "query/findings/sum_groups.h"

enum { LEAST_PERCENT = 20, MOST_PART = 5 /* the largest alone is less: else it is what another rule names */ };
enum { LEAST_OBJECTS = 10 };

static const uint64_t least_bytes = UINT64_C(2) << 20;

struct crowds {
	struct sum_groups classes; /* of objects that are not below another one of the class; most: bytes of one */
	struct sum_groups records; /* the same of dicts, by their keys */
};

static bool wants(struct rule_run *run, const struct type_info *type)
{
	(void)run;
	return ((type->flags & TYPE_IS_PYTHON_CLASS) != 0 && (type->flags & TYPE_IS_METATYPE) == 0) ||
	       rule_is_type(type, "dict");
}

/* A dict of as many keys two references above, as in a tree of equal nodes: what it keeps is counted there. */
static bool is_below_its_like(struct rule_run *run, const struct looked *looked, uint64_t keys)
{
	uint32_t above = looked->number;
	uint64_t used, address;
	uint32_t holder;
	for (int step = 0; step < 2; step++) {
		above = run->heap->dominators.idom[above];
		const struct type_info *type = reference_type(naming_references(run->naming), above);
		if (type == NULL)
			return false;
		address = retained_node(run->heap, above, &holder);
		if (rule_is_type(type, "dict") &&
		    value_field(&run->decoder->objects, address, FIELD_PyDictObject_ma_used, &used) && used == keys)
			return true;
	}
	return false;
}

static int look(struct rule_run *run, void *state, const struct looked *looked)
{
	struct crowds *crowds = state;
	const bool is_class = (looked->type->flags & TYPE_IS_PYTHON_CLASS) != 0;
	const uint32_t above = run->heap->dominators.idom[looked->number];
	const uint64_t bytes = run->heap->bytes[looked->number];
	uint64_t key = looked->type->address, keys;
	struct sum_group *group;
	if (is_class && reference_type(naming_references(run->naming), above) == looked->type)
		return OK;
	if (!is_class && (!record_keys_hash(run, looked, &key, &keys) || is_below_its_like(run, looked, keys)))
		return OK;
	crowds->records.limit = RECORD_KINDS;
	TRY(sum_groups_find(run, is_class ? &crowds->classes : &crowds->records, key, looked, &group));
	if (group == NULL)
		return OK;
	sum_add(&group->sum, looked->node, bytes);
	if (bytes > group->most)
		group->most = bytes;
	return OK;
}

/* What alone keeps all of the sum's samples says something: then the rule `holder` names it, and they are its parts. */
static bool has_holder(const struct rule_run *run, const struct finding_sum *sum)
{
	const uint32_t *idom = run->heap->dominators.idom;
	uint32_t common = run->heap->dominators.number[sum->nodes[0]];
	for (uint32_t i = 1; i < sum->sample_count; i++) {
		/* an object has a higher number than what dominates it */
		for (uint32_t other = run->heap->dominators.number[sum->nodes[i]]; other != common;) {
			if (other > common)
				other = idom[other];
			else
				common = idom[common];
		}
	}
	return !rule_is_structure(run, common);
}

static int say(struct rule_run *run, const struct sum_group *group, bool is_class)
{
	struct text *text;
	if (group->sum.count < LEAST_OBJECTS || group->sum.bytes < least_bytes ||
	    group->sum.bytes / LEAST_PERCENT * 100 < run->heap->total || group->most > run->heap->total / MOST_PART)
		return OK;
	if (!is_class && has_holder(run, &group->sum))
		return OK;
	TRY(rule_found(run, &group->sum, false, "deepsize:-t path", &text));
	if (text == NULL)
		return OK;
	rule_say_count(text, group->sum.count, is_class ? "instance" : "dict");
	text_add(text, is_class ? " of " : " with the keys ");
	if (is_class)
		names_type(text, group->first.type);
	else
		record_keys_say(run, group->first.address, text);
	text_add(text, " together keep ");
	rule_say_share(run, text, group->sum.bytes);
	text_add(text, " of the heap alive, and ");
	if (group->most > run->heap->total / 100) {
		text_add(text, "the largest of them ");
		rule_say_share(run, text, group->most);
	} else {
		text_add(text, "none of them more than 1 %");
	}
	text_add(text, ": is each of them still needed?");
	return OK;
}

static int end(struct rule_run *run, void *state)
{
	struct crowds *crowds = state;
	for (size_t i = 0; i < crowds->classes.groups.count; i++)
		TRY(say(run, &crowds->classes.groups.items[i], true));
	for (size_t i = 0; i < crowds->records.groups.count; i++)
		TRY(say(run, &crowds->records.groups.items[i], false));
	return OK;
}

static void clear(void *state)
{
	struct crowds *crowds = state;
	sum_groups_clear(&crowds->classes);
	sum_groups_clear(&crowds->records);
}

const struct rule crowd_rule = { .state_bytes = sizeof(struct crowds),
	                         .wants = wants,
	                         .look = look,
	                         .end = end,
	                         .clear = clear,
	                         .says_where = true };
