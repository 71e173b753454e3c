/* SPDX-License-Identifier: MIT
 * Generators, coroutines and asynchronous generators: up to 3.10 they refer to a frame object, since 3.11 the frame is
 * part of them, until it is cleared (Objects/genobject.c gen_traverse, gen_sizeof). */
#include "decode/decode_functions.h"
#include "decode/types/interpreter_frame.h"

/* Whether the embedded frame still holds something. FRAME_CLEARED is the last of enum _framestate; the type of
 * gi_frame_state is int8_t. */
static bool has_frame(const struct decoder *decoder, struct body body)
{
	int8_t state = (int8_t)body_field(decoder->layout, FIELD_PyGenObject_gi_frame_state, body);
	return state < (layout_feature(decoder->layout, FEATURE_FRAME_STATES_FROM_ZERO) ? 5 : 4);
}

void decode_generator(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	const struct layout *layout = decoder->layout;
	emit_field(decoder, address, body, FIELD_PyGenObject_gi_frame, 0);
	emit_field(decoder, address, body, FIELD_PyGenObject_gi_code, 0);
	emit_field(decoder, address, body, FIELD_PyGenObject_gi_exc_state_exc_type, 0);
	emit_field(decoder, address, body, FIELD_PyGenObject_gi_exc_state_exc_value, 0);
	emit_field(decoder, address, body, FIELD_PyGenObject_gi_exc_state_exc_traceback, 0);
	if (!layout_feature(layout, FEATURE_INTERPRETER_FRAMES))
		return;
	uint64_t frame = address + layout_offset(layout, FIELD_PyGenObject_gi_iframe);
	uint64_t code = layout_has(layout, FIELD_PyGenObject_gi_code)
	                        ? body_u64(decoder, FIELD_PyGenObject_gi_code, body)
	                        : interpreter_frame_code(decoder, frame);
	struct frame_slots slots;
	if (!code_frame_slots(decoder, code, &slots))
		return;
	decoder->out.shallow = layout_offset(layout, FIELD_PyGenObject_gi_iframe) +
	                       layout_offset(layout, FIELD__PyInterpreterFrame_localsplus) + 8 * slots.total;
	decoder->out.body = decoder->out.shallow;
	if (has_frame(decoder, body)) {
		emit_interpreter_frame(decoder, frame, code, &slots, 0);
		return;
	}
	/* It keeps its code to the end. */
	uint32_t hidden = layout_feature(layout, FEATURE_CLEARED_GENERATOR_VISITS_CODE) ? 0 : RUN_HIDDEN;
	uint32_t tagged = layout_feature(layout, FEATURE_TAGGED_STACK_REFS) ? RUN_TAGGED : 0;
	const struct body head =
	        body_at(&decoder->reader, frame, layout_offset(layout, FIELD__PyInterpreterFrame_localsplus));
	if (head.bytes != NULL && !layout_has(layout, FIELD_PyGenObject_gi_code))
		emit_field(decoder, frame, head, FIELD__PyInterpreterFrame_f_executable, hidden | tagged);
}
