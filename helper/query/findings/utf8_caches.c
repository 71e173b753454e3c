/* SPDX-License-Identifier: MIT
 * Strings that are not ASCII and keep their UTF-8 besides: C code asked for it once (PyUnicode_AsUTF8: json, database
 * drivers), and it stays as long as the string. */
#include "query/findings/request.h"

static bool wants(struct rule_run *run, const struct type_info *type)
{
	(void)run;
	return rule_is_type(type, "str");
}

static int look(struct rule_run *run, void *state, const struct looked *looked)
{
	const struct layout *layout = run->decoder->layout;
	if (body_field(layout, FIELD_PyASCIIObject_state_compact, looked->body) == 0 ||
	    body_field(layout, FIELD_PyASCIIObject_state_ascii, looked->body) != 0)
		return OK;
	const uint8_t *body =
	        reader_at(&run->decoder->reader, looked->address, layout->struct_bytes[STRUCT_PyCompactUnicodeObject]);
	if (body == NULL || layout_get(layout, FIELD_PyCompactUnicodeObject_utf8, body) == 0)
		return OK;
	const uint64_t length = layout_get(layout, FIELD_PyCompactUnicodeObject_utf8_length, body);
	if (length < UINT64_C(1) << 40)
		sum_add(state, looked->node, request_taken(run, length + 1));
	return OK;
}

static const struct sum_words words = {
	.noun = "string",
	.one = " keeps its UTF-8 besides, since C code once asked for it",
	.many = " keep their UTF-8 besides, since C code once asked for it",
	.advice = ". A copy made by slicing and joining has none: s = s[:1] + s[1:].",
	.next = "object path",
};

const struct rule utf8_caches_rule = {
	.state_bytes = sizeof(struct finding_sum), .wants = wants, .look = look, .words = &words
};
