/* SPDX-License-Identifier: MIT
 * Deques of few items: each has at least one block with room for 64 (Modules/_collectionsmodule.c BLOCKLEN). */
#include "query/findings/request.h"

enum { MOST_ITEMS = 16 };

static bool wants(struct rule_run *run, const struct type_info *type)
{
	(void)run;
	return rule_is_type(type, "deque");
}

/* What a list of as many items takes instead. */
static uint64_t list_bytes(const struct rule_run *run, uint64_t items)
{
	return request_tracked(run, run->decoder->layout->struct_bytes[STRUCT_PyListObject], 0) +
	       request_list_items(run, items);
}

static int look(struct rule_run *run, void *state, const struct looked *looked)
{
	const int64_t items = body_ob_size(run->decoder, looked->body);
	if (items <= 0 || items > MOST_ITEMS)
		return OK;
	const uint64_t bytes = rule_allocated(run, looked->address), needed = list_bytes(run, (uint64_t)items);
	if (bytes > needed)
		sum_add(state, looked->node, bytes - needed);
	return OK;
}

static const struct sum_words words = {
	.noun = "deque",
	.one = " of few items has a block for 64",
	.many = " of few items have blocks for 64 each",
	.advice = " saved by lists. Make a queue when its first item comes, and let it go when it is empty.",
	.next = "object path",
};

const struct rule deque_blocks_rule = {
	.state_bytes = sizeof(struct finding_sum), .wants = wants, .look = look, .words = &words
};
