/* SPDX-License-Identifier: MIT
 * Strings and bytes of equal value that are different objects. Interned ones are the only one of their value. */
#include "query/findings/equal_sum.h"
#include "query/findings/leaf_value.h"
#include "query/findings/request.h"

static bool wants(struct rule_run *run, const struct type_info *type)
{
	const enum leaf_kind kind = leaf_kind_of(run, type);
	return kind == LEAF_STR || kind == LEAF_BYTES;
}

static int look(struct rule_run *run, void *state, const struct looked *looked)
{
	uint64_t hash;
	bool is_interned = false;
	if (leaf_kind_of(run, looked->type) == LEAF_STR ? !str_value_hash(run, looked->address, &hash, &is_interned)
	                                                : !leaf_value_hash(run, LEAF_BYTES, looked->address, &hash))
		return OK;
	const uint64_t bytes = is_interned ? 0 : request_of_leaf(run, looked->node);
	return equal_sum_add(run, state, hash, looked, bytes) ? OK
	                                                      : query_no_memory(run->query, "the values of strings");
}

static const struct sum_words words = {
	.noun = "string",
	.one = " has a value that another one has as well; one of each would do",
	.many = " have a value that another one has as well; one of each would do",
	.advice = " saved. Pass what repeats through sys.intern() or a dict where it is read; for few values use an "
	          "Enum, in pandas a category.",
	.next = "object path",
	.factor = 2, /* a healthy program has a few */
};

static int end(struct rule_run *run, void *state)
{
	return equal_sum_say(run, state, &words);
}

const struct rule duplicate_strings_rule = {
	.state_bytes = sizeof(struct equal_sum), .wants = wants, .look = look, .end = end, .clear = equal_sum_clear
};
