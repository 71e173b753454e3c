/* SPDX-License-Identifier: MIT
 * Dicts, lists, sets and deques without an item, as constructors make for what is rarely used. */
#include <string.h>

#include "query/findings/rule.h"

static bool wants(struct rule_run *run, const struct type_info *type)
{
	static const char *const ids[] = { "dict", "list", "set", "deque", "defaultdict", "ordered_dict" };
	(void)run;
	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
		if (rule_is_type(type, ids[i]))
			return true;
	return false;
}

static bool is_empty(struct rule_run *run, const struct looked *looked)
{
	const struct layout *layout = run->decoder->layout;
	const char *id = looked->type->entry->id;
	if (strcmp(id, "list") == 0 || strcmp(id, "deque") == 0)
		return body_ob_size(run->decoder, looked->body) == 0;
	if (strcmp(id, "set") == 0)
		return body_field(layout, FIELD_PySetObject_used, looked->body) == 0;
	return body_field(layout, FIELD_PyDictObject_ma_used, looked->body) == 0;
}

static int look(struct rule_run *run, void *state, const struct looked *looked)
{
	if (is_empty(run, looked) && !rule_is_namespace(run, looked->node) && !rule_is_of_code(run, looked->number))
		sum_add(state, looked->node, rule_allocated(run, looked->address));
	return OK;
}

static const struct sum_words words = {
	.noun = "container",
	.one = " is empty",
	.many = " are empty",
	.advice = ". Make them when the first item comes, and have None, or one shared () or frozenset(), till then.",
	.next = "object path",
};

const struct rule empty_containers_rule = {
	.state_bytes = sizeof(struct finding_sum), .wants = wants, .look = look, .words = &words
};
