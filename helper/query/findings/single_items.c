/* SPDX-License-Identifier: MIT
 * Lists, dicts and sets of one item each, by the ten thousand: the item itself, or a tuple, would do. */
#include <string.h>

#include "query/findings/request.h"

static bool wants(struct rule_run *run, const struct type_info *type)
{
	(void)run;
	return rule_is_type(type, "dict") || rule_is_type(type, "list") || rule_is_type(type, "set");
}

static uint64_t length_of(struct rule_run *run, const struct looked *looked)
{
	const struct layout *layout = run->decoder->layout;
	const char *id = looked->type->entry->id;
	if (strcmp(id, "list") == 0)
		return (uint64_t)body_ob_size(run->decoder, looked->body);
	return body_field(layout, id[0] == 's' ? FIELD_PySetObject_used : FIELD_PyDictObject_ma_used, looked->body);
}

static int look(struct rule_run *run, void *state, const struct looked *looked)
{
	const struct layout *layout = run->decoder->layout;
	if (length_of(run, looked) != 1 || rule_is_namespace(run, looked->node))
		return OK;
	/* what a tuple of one takes instead */
	const uint64_t tuple = request_tracked(run, layout_offset(layout, FIELD_PyTupleObject_ob_item), 1);
	const uint64_t bytes = rule_allocated(run, looked->address);
	if (bytes > tuple)
		sum_add(state, looked->node, bytes - tuple);
	return OK;
}

static const struct sum_words words = {
	.noun = "container",
	.one = " holds one item",
	.many = " hold one item each",
	.advice = " saved by tuples, or by the item itself where there is never another one.",
	.next = "object path",
	.least_count = 10000,
};

const struct rule single_items_rule = {
	.state_bytes = sizeof(struct finding_sum), .wants = wants, .look = look, .words = &words
};
