/* SPDX-License-Identifier: MIT
 * Many objects of one class, each small, that together keep a fifth of the heap alive: no list of single objects shows
 * them. */
#include "base/address_map.h"
#include "query/findings/rule.h"

enum { LEAST_PERCENT = 20, MOST_PART = 100 /* none keeps more than 1/100 of the heap */, LEAST_OBJECTS = 100 };

static const uint64_t least_bytes = UINT64_C(4) << 20;

struct crowd {
	struct finding_sum sum; /* bytes: retained; of objects that are not below another one of the class */
	const struct type_info *type;
	uint64_t most; /* bytes of the one that retains most */
};

struct crowds {
	struct address_map by_type;
	ARRAY(struct crowd) items;
};

static bool wants(struct rule_run *run, const struct type_info *type)
{
	(void)run;
	return (type->flags & TYPE_IS_PYTHON_CLASS) != 0 && (type->flags & TYPE_IS_METATYPE) == 0;
}

static int look(struct rule_run *run, void *state, const struct looked *looked)
{
	struct crowds *crowds = state;
	const uint32_t above = run->heap->dominators.idom[looked->number];
	if (reference_type(naming_references(run->naming), above) == looked->type)
		return OK;
	uint32_t index = address_map_get(&crowds->by_type, looked->type->address);
	if (index == ADDRESS_MAP_NONE) {
		const struct crowd crowd = { .type = looked->type };
		index = (uint32_t)crowds->items.count;
		if (!array_push(&crowds->items, crowd) ||
		    !address_map_set(&crowds->by_type, looked->type->address, index))
			return query_no_memory(run->query, "the sums of classes");
	}
	struct crowd *crowd = &crowds->items.items[index];
	const uint64_t bytes = run->heap->bytes[looked->number];
	sum_add(&crowd->sum, looked->node, bytes);
	if (bytes > crowd->most)
		crowd->most = bytes;
	return OK;
}

static int end(struct rule_run *run, void *state)
{
	struct crowds *crowds = state;
	for (size_t i = 0; i < crowds->items.count; i++) {
		const struct crowd *crowd = &crowds->items.items[i];
		struct text *text;
		if (crowd->sum.count < LEAST_OBJECTS || crowd->sum.bytes < least_bytes ||
		    crowd->sum.bytes / LEAST_PERCENT * 100 < run->heap->total ||
		    crowd->most > run->heap->total / MOST_PART)
			continue;
		TRY(rule_found(run, &crowd->sum, false, "deepsize:-t path", &text));
		if (text == NULL)
			continue;
		rule_say_count(text, crowd->sum.count, "instance");
		text_add(text, " of ");
		names_type(text, crowd->type);
		text_add(text, " together keep ");
		rule_say_share(run, text, crowd->sum.bytes);
		text_add(text, " of the heap alive, and none of them more than 1 %: is each of them still needed?");
	}
	return OK;
}

static void clear(void *state)
{
	struct crowds *crowds = state;
	address_map_clear(&crowds->by_type);
	array_free(&crowds->items);
}

const struct rule crowd_rule = {
	.state_bytes = sizeof(struct crowds), .wants = wants, .look = look, .end = end, .clear = clear
};
