/* SPDX-License-Identifier: MIT
 * gc.garbage: what the collector found and did not free, since it could not, or since gc.DEBUG_SAVEALL was set and left
 * on. It is a list like any other: what is in it is reached, and is no garbage to all other rules. */
#include <inttypes.h>

#include "object/value.h"
#include "query/findings/rule.h"

static int say(struct rule_run *run, uint64_t list)
{
	uint64_t count = 0, items;
	struct text *text;
	const uint32_t number = list != 0 ? retained_number(run->heap, list) : UINT32_MAX;
	if (number == UINT32_MAX || !value_items(&run->decoder->objects, list, &count, &items) || count == 0)
		return OK;
	TRY(rule_found_object(run, run->heap->bytes[number], number, "deepsize:-t object", &text));
	if (text == NULL)
		return OK;
	text_add(text, "gc.garbage has ");
	rule_say_count(text, count, "object");
	text_add(text, " and keeps ");
	rule_say_share(run, text, run->heap->bytes[number]);
	text_add(text,
	         " of the heap alive. gc.DEBUG_SAVEALL or gc.DEBUG_LEAK puts all that is collected there: take it off "
	         "and clear the list; what is there without it, C code keeps from being freed.");
	return OK;
}

static int end(struct rule_run *run, void *state)
{
	const struct runtime *runtime = run->query->target->runtime;
	struct object_reader *objects = &run->decoder->objects;
	(void)state;
	for (size_t i = 0; i < runtime->interpreters.count; i++) {
		const uint64_t module = dict_get_str(objects, runtime->interpreters.items[i].modules, "gc");
		TRY(say(run, module != 0 ? value_attribute(objects, module, "garbage") : 0));
	}
	return OK;
}

const struct rule gc_garbage_rule = { .end = end };
