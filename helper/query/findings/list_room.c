/* SPDX-License-Identifier: MIT
 * Lists with more room than items: what append() took in advance, or what was left when items went. */
#include "query/findings/request.h"

static bool wants(struct rule_run *run, const struct type_info *type)
{
	(void)run;
	return rule_is_type(type, "list");
}

static int look(struct rule_run *run, void *state, const struct looked *looked)
{
	const int64_t count = body_ob_size(run->decoder, looked->body);
	const uint64_t without = looked->type->presize + (uint64_t)looked->type->tp_basicsize;
	const uint64_t shallow = heap_graph_shallow(run->heap->graph, looked->node);
	if (count < 0 || shallow < without || (shallow - without) / 8 <= (uint64_t)count)
		return OK;
	const uint64_t taken = request_list_items(run, (shallow - without) / 8);
	const uint64_t needed = request_list_items(run, (uint64_t)count);
	if (taken > needed)
		sum_add(state, looked->node, taken - needed);
	return OK;
}

static const struct sum_words words = {
	.noun = "list",
	.one = " has room for more items than there are",
	.many = " have room for more items than there are",
	.advice = ". Once they are filled, tuple(items) or items[:] has room for just them.",
	.next = "object path",
};

const struct rule list_room_rule = {
	.state_bytes = sizeof(struct finding_sum), .wants = wants, .look = look, .words = &words
};
