/* SPDX-License-Identifier: MIT
 * Python/frame.c _PyFrame_Traverse; Include/internal/pycore_frame.h. Globals and builtins of such a frame are borrowed
 * from its function. */
#include "decode/types/interpreter_frame.h"

#include "base/limits.h"

uint64_t interpreter_frame_code(struct decoder *decoder, uint64_t frame)
{
	uint64_t code = 0;
	if (!reader_u64(&decoder->reader,
	                frame + layout_offset(decoder->layout, FIELD__PyInterpreterFrame_f_executable), &code))
		return 0;
	return layout_feature(decoder->layout, FEATURE_TAGGED_STACK_REFS) ? code & ~UINT64_C(3) : code;
}

bool code_frame_slots(struct decoder *decoder, uint64_t code, struct frame_slots *ret_slots)
{
	const struct layout *layout = decoder->layout;
	const struct body body = body_at(&decoder->reader, code, layout->struct_bytes[STRUCT_PyCodeObject]);
	if (body.bytes == NULL) {
		flag_object(decoder, DECODED_UNREADABLE, "the code of its frame cannot be read");
		return false;
	}
	int64_t named = body_i64(decoder, FIELD_PyCodeObject_co_nlocalsplus, body);
	int64_t total;
	if (layout_has(layout, FIELD_PyCodeObject_co_framesize)) /* in words, and with the frame's head */
		total = body_i64(decoder, FIELD_PyCodeObject_co_framesize, body) -
		        layout_offset(layout, FIELD__PyInterpreterFrame_localsplus) / 8;
	else
		total = named + body_i64(decoder, FIELD_PyCodeObject_co_stacksize, body);
	if (named < 0 || total < named || total > LIMIT_FRAME_SLOTS) {
		flag_object(decoder, DECODED_CORRUPT, "impossible size of a frame");
		return false;
	}
	ret_slots->named = (uint64_t)named;
	ret_slots->total = (uint64_t)total;
	return true;
}

/* How many slots are in use; -1 while the frame executes: the interpreter keeps the number in a register. */
static int64_t used_slots(struct decoder *decoder, struct body head, uint64_t localsplus)
{
	const struct layout *layout = decoder->layout;
	if (layout_has(layout, FIELD__PyInterpreterFrame_stacktop))
		return body_i64(decoder, FIELD__PyInterpreterFrame_stacktop, head);
	uint64_t pointer = body_u64(decoder, FIELD__PyInterpreterFrame_stackpointer, head);
	if (pointer == 0 || runtime_frame_is_running(decoder->context->runtime, localsplus - head.size))
		return -1;
	return pointer < localsplus || (pointer - localsplus) % 8 != 0 ? INT64_MAX
	                                                               : (int64_t)((pointer - localsplus) / 8);
}

void emit_interpreter_frame(struct decoder *decoder, uint64_t frame, uint64_t code, const struct frame_slots *slots,
                            uint32_t flags)
{
	const struct layout *layout = decoder->layout;
	uint32_t head_bytes = layout_offset(layout, FIELD__PyInterpreterFrame_localsplus);
	const struct body head = body_at(&decoder->reader, frame, head_bytes);
	if (head.bytes == NULL) {
		flag_object(decoder, DECODED_UNREADABLE, "its frame is not in the dump");
		return;
	}
	uint32_t tagged = flags | (layout_feature(layout, FEATURE_TAGGED_STACK_REFS) ? RUN_TAGGED : 0);
	emit_field(decoder, frame, head, FIELD__PyInterpreterFrame_frame_obj, flags);
	/* A module's frame has its globals for locals. */
	bool is_module = body_u64(decoder, FIELD__PyInterpreterFrame_f_locals, head) ==
	                 body_u64(decoder, FIELD__PyInterpreterFrame_f_globals, head);
	emit_field(decoder, frame, head, FIELD__PyInterpreterFrame_f_locals, flags | (is_module ? RUN_GLOBALS : 0));
	emit_field(decoder, frame, head, FIELD__PyInterpreterFrame_f_func, flags);
	emit_field(decoder, frame, head, FIELD__PyInterpreterFrame_f_funcobj, tagged);
	emit_field(decoder, frame, head, FIELD__PyInterpreterFrame_f_executable, tagged);
	uint64_t localsplus = frame + head_bytes;
	int64_t used = used_slots(decoder, head, localsplus);
	if (used < 0) {
		emit_run(decoder, localsplus, slots->named,
		         (struct run_kind){
		                 .stride = 8, .label = LABEL_LOCAL, .flags = RUN_HIDDEN | tagged, .argument = code });
		return;
	}
	if ((uint64_t)used > slots->total) {
		flag_object(decoder, DECODED_CORRUPT, "impossible depth of an evaluation stack");
		return;
	}
	uint64_t named = (uint64_t)used < slots->named ? (uint64_t)used : slots->named;
	emit_run(decoder, localsplus, named,
	         (struct run_kind){ .stride = 8, .label = LABEL_LOCAL, .flags = tagged, .argument = code });
	uint32_t borrows = tagged != 0 && !layout_feature(layout, FEATURE_FREE_THREADED) ? RUN_BORROWS : 0;
	emit_run(decoder, localsplus + 8 * named, (uint64_t)used - named,
	         (struct run_kind){ .stride = 8, .label = LABEL_STACK, .flags = tagged | borrows });
}
