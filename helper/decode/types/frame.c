/* SPDX-License-Identifier: MIT
 * frame: up to 3.10 a PyFrameObject is the frame, with locals and evaluation stack behind it; since 3.11 it shows an
 * interpreter frame that lies on a thread's stack, in a generator, or, once that has ended, in the frame object itself.
 * Only in the last case is it the frame object's own (Objects/frameobject.c frame_traverse, frame_sizeof). */
#include "decode/decode_functions.h"
#include "base/limits.h"
#include "decode/types/interpreter_frame.h"

enum { OWNED_BY_FRAME_OBJECT = 2 }; /* enum _frameowner, the same in all versions */

/* ob_size of a tuple; 0 for no tuple. */
static int64_t tuple_length(struct decoder *decoder, uint64_t tuple)
{
	uint64_t length = 0;
	if (tuple != 0)
		reader_u64(&decoder->reader, tuple + layout_offset(decoder->layout, FIELD_PyVarObject_ob_size),
		           &length);
	return (int64_t)length;
}

/* Words of evaluation stack in use; an executing frame (f_stacktop NULL, f_stackdepth -1) does not say. */
static uint64_t stack_depth(const struct decoder *decoder, struct body body)
{
	if (layout_has(decoder->layout, FIELD_PyFrameObject_f_stackdepth)) {
		int64_t depth = body_i64(decoder, FIELD_PyFrameObject_f_stackdepth, body);
		return depth > 0 ? (uint64_t)depth : 0;
	}
	uint64_t top = body_u64(decoder, FIELD_PyFrameObject_f_stacktop, body);
	uint64_t bottom = body_u64(decoder, FIELD_PyFrameObject_f_valuestack, body);
	return top > bottom ? (top - bottom) / 8 : 0;
}

static void decode_whole_frame(struct decoder *decoder, const struct type_info *type, uint64_t address,
                               struct body body)
{
	const struct layout *layout = decoder->layout;
	emit_field(decoder, address, body, FIELD_PyFrameObject_f_code, 0);
	/* A module's frame has its globals for locals. */
	bool is_module = body_u64(decoder, FIELD_PyFrameObject_f_locals, body) ==
	                 body_u64(decoder, FIELD_PyFrameObject_f_globals, body);
	emit_field(decoder, address, body, FIELD_PyFrameObject_f_locals, is_module ? RUN_GLOBALS : 0);
	emit_field(decoder, address, body, FIELD_PyFrameObject_f_builtins, RUN_GLOBALS);
	emit_field(decoder, address, body, FIELD_PyFrameObject_f_globals, RUN_GLOBALS);
	uint64_t code_address = body_u64(decoder, FIELD_PyFrameObject_f_code, body);
	const struct body code = body_at(&decoder->reader, code_address, layout->struct_bytes[STRUCT_PyCodeObject]);
	if (code.bytes == NULL) {
		flag_object(decoder, DECODED_UNREADABLE, "its code cannot be read");
		return;
	}
	int64_t locals = body_i64(decoder, FIELD_PyCodeObject_co_nlocals, code);
	int64_t cells = tuple_length(decoder, body_u64(decoder, FIELD_PyCodeObject_co_cellvars, code));
	int64_t frees = tuple_length(decoder, body_u64(decoder, FIELD_PyCodeObject_co_freevars, code));
	int64_t stack = body_i64(decoder, FIELD_PyCodeObject_co_stacksize, code);
	uint64_t depth = stack_depth(decoder, body);
	if (locals < 0 || cells < 0 || frees < 0 || stack < 0 || locals > LIMIT_FRAME_SLOTS ||
	    cells > LIMIT_FRAME_SLOTS || frees > LIMIT_FRAME_SLOTS || stack > LIMIT_FRAME_SLOTS ||
	    depth > (uint64_t)stack) {
		flag_object(decoder, DECODED_CORRUPT, "impossible size of a frame");
		return;
	}
	/* The struct has one of the slots already. */
	uint64_t named = (uint64_t)(locals + cells + frees);
	decoder->out.shallow = (uint64_t)type->tp_basicsize + 8 * (named + (uint64_t)stack) - 8;
	int64_t items = body_ob_size(decoder, body); /* a frame that is reused may have room for more */
	if (items >= 0 && items <= 4 * LIMIT_FRAME_SLOTS)
		decoder->out.body = (uint64_t)type->tp_basicsize + 8 * (uint64_t)items;
	emit_run(decoder, address + layout_offset(layout, FIELD_PyFrameObject_f_localsplus), named,
	         (struct run_kind){ .stride = 8, .label = LABEL_LOCAL, .argument = code_address });
	emit_run(decoder, body_u64(decoder, FIELD_PyFrameObject_f_valuestack, body), depth,
	         (struct run_kind){ .stride = 8, .label = LABEL_STACK });
}

void decode_frame(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	const struct layout *layout = decoder->layout;
	if (!layout_feature(layout, FEATURE_INTERPRETER_FRAMES)) {
		decode_whole_frame(decoder, type, address, body);
		return;
	}
	emit_field(decoder, address, body, FIELD_PyFrameObject_f_extra_locals, 0);
	emit_field(decoder, address, body, FIELD_PyFrameObject_f_locals_cache, 0);
	emit_field(decoder, address, body, FIELD_PyFrameObject_f_overwritten_fast_locals, 0);
	uint64_t frame = body_u64(decoder, FIELD_PyFrameObject_f_frame, body);
	uint64_t code = frame != 0 ? interpreter_frame_code(decoder, frame) : 0;
	struct frame_slots slots;
	if (!code_frame_slots(decoder, code, &slots))
		return;
	decoder->out.shallow = layout_offset(layout, FIELD_PyFrameObject__f_frame_data) +
	                       layout_offset(layout, FIELD__PyInterpreterFrame_localsplus) + 8 * slots.total;
	decoder->out.body = decoder->out.shallow;
	const uint8_t *owner =
	        reader_at(&decoder->reader, frame + layout_offset(layout, FIELD__PyInterpreterFrame_owner), 1);
	if (owner != NULL && *owner == OWNED_BY_FRAME_OBJECT)
		emit_interpreter_frame(decoder, frame, code, &slots, 0);
}
