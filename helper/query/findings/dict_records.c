/* SPDX-License-Identifier: MIT
 * Dicts with the same keys, by the thousand: records. An object with __slots__ holds the same values in a fraction. */
#include "query/findings/record_keys.h"
#include "query/findings/request.h"
#include "query/findings/sum_groups.h"

enum { LEAST_RECORDS = 1000 };

static bool wants(struct rule_run *run, const struct type_info *type)
{
	(void)run;
	return rule_is_type(type, "dict");
}

/* bytes: what the dicts take. most: keys of each. */
static int look(struct rule_run *run, void *state, const struct looked *looked)
{
	struct sum_groups *kinds = state;
	struct sum_group *kind;
	uint64_t hash, count;
	if (!record_keys_hash(run, looked, &hash, &count))
		return OK;
	kinds->limit = RECORD_KINDS;
	TRY(sum_groups_find(run, kinds, hash, looked, &kind));
	if (kind == NULL)
		return OK;
	kind->most = count;
	sum_add(&kind->sum, looked->node, rule_allocated(run, looked->address));
	return OK;
}

static int say(struct rule_run *run, const struct sum_group *kind)
{
	const uint64_t slots = request_slots(run, kind->most);
	struct finding_sum saved = kind->sum;
	struct text *text;
	if (kind->sum.count < LEAST_RECORDS || kind->sum.bytes <= slots * kind->sum.count)
		return OK;
	saved.bytes = kind->sum.bytes - slots * kind->sum.count;
	TRY(rule_found(run, &saved, true, "object path", &text));
	if (text == NULL)
		return OK;
	rule_say_count(text, kind->sum.count, "dict");
	text_add(text, " with the keys ");
	record_keys_say(run, kind->first.address, text);
	text_format(text, " take %lu bytes each; objects with __slots__ would take %lu: ",
	            (unsigned long)(kind->sum.bytes / kind->sum.count), (unsigned long)slots);
	rule_say_share(run, text, saved.bytes);
	text_add(text, " of the heap saved. Make them instances of a @dataclass(slots=True) or a NamedTuple.");
	return OK;
}

static int end(struct rule_run *run, void *state)
{
	const struct sum_groups *kinds = state;
	for (size_t i = 0; i < kinds->groups.count; i++)
		TRY(say(run, &kinds->groups.items[i]));
	return OK;
}

const struct rule dict_records_rule = {
	.state_bytes = sizeof(struct sum_groups), .wants = wants, .look = look, .end = end, .clear = sum_groups_clear
};
