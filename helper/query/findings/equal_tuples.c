/* SPDX-License-Identifier: MIT
 * Tuples of equal strings and numbers that are different objects. */
#include "query/findings/equal_sum.h"
#include "query/findings/leaf_value.h"
#include "query/findings/request.h"

enum { MOST_ITEMS = 16 };

static bool wants(struct rule_run *run, const struct type_info *type)
{
	(void)run;
	return rule_is_type(type, "tuple");
}

static int look(struct rule_run *run, void *state, const struct looked *looked)
{
	uint64_t hashes[MOST_ITEMS];
	const int64_t count = body_ob_size(run->decoder, looked->body);
	if (count <= 0 || count > MOST_ITEMS)
		return OK;
	const uint8_t *items =
	        reader_at(&run->decoder->reader,
	                  looked->address + layout_offset(run->decoder->layout, FIELD_PyTupleObject_ob_item),
	                  8 * (uint64_t)count);
	if (items == NULL)
		return OK;
	for (int64_t i = 0; i < count; i++)
		hashes[i] = item_value_hash(run, load_u64(items + 8 * i));
	const uint64_t hash = value_hash((const uint8_t *)hashes, 8 * (size_t)count, 't');
	const uint64_t bytes = request_of_leaf(run, looked->node);
	return equal_sum_add(run, state, hash, looked, bytes) ? OK
	                                                      : query_no_memory(run->query, "the values of tuples");
}

static const struct sum_words words = {
	.noun = "tuple",
	.one = " equals another one; one of each would do",
	.many = " equal another one; one of each would do",
	.advice = " saved, and what only they hold. Keep each once: KNOWN.setdefault(value, value).",
	.next = "object path",
	.factor = 2,
};

static int end(struct rule_run *run, void *state)
{
	return equal_sum_say(run, state, &words);
}

const struct rule equal_tuples_rule = {
	.state_bytes = sizeof(struct equal_sum), .wants = wants, .look = look, .end = end, .clear = equal_sum_clear
};
