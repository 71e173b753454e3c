/* SPDX-License-Identifier: MIT
 * The frames of a suspended greenlet hang on the frame that it was switched away from, which it keeps (gr_frame). */
#include <string.h>

#include "base/limits.h"
#include "object/value.h"
#include "query/tasks/task_builder.h"

/* decode/foreign/greenlet.c emits it under this name. */
static uint64_t top_frame(struct decoder *decoder, uint64_t greenlet)
{
	if (!decode_object(decoder, greenlet))
		return 0;
	for (size_t i = 0; i < decoder->out.runs.count; i++) {
		const struct run *run = &decoder->out.runs.items[i];
		if (run->label == LABEL_FIELD && run->count == 1 && run->names != NULL &&
		    strcmp(run->names[0], ".gr_frame") == 0)
			return run_target(run, 0);
	}
	return 0;
}

static void reverse(struct await_chain *chain)
{
	for (size_t i = 0, k = chain->steps.count; i + 1 < k; i++) {
		const struct await_step step = chain->steps.items[i];
		chain->steps.items[i] = chain->steps.items[--k];
		chain->steps.items[k] = step;
	}
}

bool task_greenlet_chain(struct decoder *decoder, uint64_t greenlet, struct await_chain *chain, bool *ret_no_memory)
{
	const bool has_frames = layout_feature(decoder->layout, FEATURE_INTERPRETER_FRAMES);
	const enum layout_field back = has_frames ? FIELD__PyInterpreterFrame_previous : FIELD_PyFrameObject_f_back;
	uint64_t at = top_frame(decoder, greenlet), anchor = 0;
	chain->steps.count = 0;
	chain->truncated = false;
	if (at == 0 || (has_frames && !value_field(&decoder->objects, at, FIELD_PyFrameObject_f_frame, &at)))
		return false;
	for (size_t count = 0; at != 0; count++) {
		struct await_step step = { .object = at, .is_frame = true, .state = AWAITABLE_SUSPENDED };
		if (count == LIMIT_AWAIT_CHAIN || at == anchor) {
			chain->truncated = true;
			break;
		}
		if ((count & (count + 1)) == 0)
			anchor = at;
		if (runtime_read_frame(decoder->context->runtime, &decoder->reader, at, &step.frame) &&
		    !array_push(&chain->steps, step)) {
			*ret_no_memory = true;
			return false;
		}
		if (!value_field(&decoder->objects, at, back, &at)) {
			chain->truncated = true;
			break;
		}
	}
	reverse(chain);
	return chain->steps.count > 0;
}
