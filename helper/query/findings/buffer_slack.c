/* SPDX-License-Identifier: MIT
 * Room in bytearrays and BytesIO objects that no byte is in. */
#include "object/value.h"
#include "query/findings/request.h"

static bool wants(struct rule_run *run, const struct type_info *type)
{
	(void)run;
	return rule_is_type(type, "bytearray") || rule_is_type(type, "bytes_io");
}

static uint64_t slack_of(struct rule_run *run, const struct looked *looked)
{
	const struct layout *layout = run->decoder->layout;
	uint64_t room, used;
	if (rule_is_type(looked->type, "bytearray")) {
		room = body_field(layout, FIELD_PyByteArrayObject_ob_alloc, looked->body);
		used = (uint64_t)body_ob_size(run->decoder, looked->body) + 1;
	} else {
		const uint64_t buffer = body_field(layout, FIELD_bytesio_buf, looked->body);
		used = body_field(layout, FIELD_bytesio_string_size, looked->body);
		if (buffer == 0 || !value_field(&run->decoder->objects, buffer, FIELD_PyVarObject_ob_size, &room))
			return 0;
	}
	return room > used && room < UINT64_C(1) << 44 ? request_taken(run, room) - request_taken(run, used) : 0;
}

static int look(struct rule_run *run, void *state, const struct looked *looked)
{
	const uint64_t slack = slack_of(run, looked);
	if (slack > 0)
		sum_add(state, looked->node, slack);
	return OK;
}

static const struct sum_words words = {
	.noun = "buffer",
	.one = " has room for more bytes than there are",
	.many = " have room for more bytes than there are",
	.advice = ". Keep bytes(buffer) or buffer.getvalue() once it is complete.",
	.next = "object path",
};

const struct rule buffer_slack_rule = {
	.state_bytes = sizeof(struct finding_sum), .wants = wants, .look = look, .words = &words
};
