/* SPDX-License-Identifier: MIT
 * Weak references whose object has gone, and that somebody keeps. */
#include "query/findings/request.h"

static bool wants(struct rule_run *run, const struct type_info *type)
{
	(void)run;
	return rule_is_type(type, "weakref") || rule_is_type(type, "weakproxy") ||
	       rule_is_type(type, "weakcallableproxy");
}

static int look(struct rule_run *run, void *state, const struct looked *looked)
{
	/* Objects/weakrefobject.c clear_weakref(): None takes the place of what is gone */
	const uint64_t object = body_field(run->decoder->layout, FIELD_PyWeakReference_wr_object, looked->body);
	const struct type_info *type = object != 0 ? rule_type(run, object) : NULL;
	if (type != NULL && rule_is_type(type, "none"))
		sum_add(state, looked->node, request_of_subtree(run, looked->number));
	return OK;
}

static const struct sum_words words = {
	.noun = "weak reference",
	.one = " is kept though its object has gone",
	.many = " are kept though their objects have gone",
	.advice = " saved. Take them out when that happens: weakref.ref(obj, callback), WeakSet, WeakValueDictionary.",
	.next = "object path",
};

const struct rule dead_references_rule = {
	.state_bytes = sizeof(struct finding_sum), .wants = wants, .look = look, .words = &words
};
