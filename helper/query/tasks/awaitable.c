/* SPDX-License-Identifier: MIT */
#include "query/tasks/awaitable.h"

#include <string.h>

#include "base/limits.h"
#include "object/value.h"

/* ---- Kinds ---- */

static const struct {
	const char *name;
	enum awaitable_kind kind;
} named_kinds[] = {
	{ "coroutine", AWAITABLE_COROUTINE },
	{ "generator", AWAITABLE_GENERATOR },
	{ "async_generator", AWAITABLE_ASYNC_GENERATOR },
	{ "coroutine_wrapper", AWAITABLE_WRAPPER },
	{ "async_generator_asend", AWAITABLE_SEND },
	{ "async_generator_athrow", AWAITABLE_THROW },
	{ "anext_awaitable", AWAITABLE_NEXT },
	{ "_asyncio.FutureIter", AWAITABLE_FUTURE_ITERATOR },
	{ "_asyncio.Future", AWAITABLE_FUTURE },
	{ "_asyncio.Task", AWAITABLE_TASK },
	{ "asyncio.futures.Future", AWAITABLE_PYTHON_FUTURE },
	{ "asyncio.tasks.Task", AWAITABLE_PYTHON_TASK },
	{ "trio._core._run.Task", AWAITABLE_FOREIGN_TASK },
	{ "trio.lowlevel.Task", AWAITABLE_FOREIGN_TASK },
	{ "curio.task.Task", AWAITABLE_FOREIGN_TASK },
};

static enum awaitable_kind kind_of_name(const char *name)
{
	for (size_t i = 0; i < sizeof named_kinds / sizeof named_kinds[0]; i++)
		if (strcmp(name, named_kinds[i].name) == 0)
			return named_kinds[i].kind;
	return AWAITABLE_NONE;
}

enum awaitable_kind awaitable_kind_of_type(struct decoder *decoder, const struct type_info *type)
{
	for (unsigned i = 0; type != NULL && i < LIMIT_TYPE_CHAIN; i++) {
		const enum awaitable_kind kind = kind_of_name(type->name);
		if (kind != AWAITABLE_NONE)
			return kind;
		type = type->tp_base != 0 ? decode_type(decoder, type->tp_base) : NULL;
	}
	return AWAITABLE_NONE;
}

enum awaitable_kind awaitable_kind(struct decoder *decoder, uint64_t object)
{
	uint64_t type;
	if (object == 0 || !value_field(&decoder->objects, object, FIELD_PyObject_ob_type, &type))
		return AWAITABLE_NONE;
	return awaitable_kind_of_type(decoder, decode_type(decoder, type));
}

/* ---- Frames ---- */

enum { YIELD_FROM = 72 }; /* Include/opcode.h, 3.8 to 3.10 */

/* Up to 3.10 the frame is an object of its own, and whether it runs is said by it or by the generator. */
static enum awaitable_state object_state(struct decoder *decoder, uint64_t object, struct python_frame *frame)
{
	uint64_t at, running = 0, state;
	if (!value_field(&decoder->objects, object, FIELD_PyGenObject_gi_frame, &at))
		return AWAITABLE_UNKNOWN;
	if (at == 0) {
		(void)value_field(&decoder->objects, object, FIELD_PyGenObject_gi_code, &frame->code);
		return AWAITABLE_ENDED;
	}
	if (!runtime_read_frame(decoder->context->runtime, &decoder->reader, at, frame))
		return AWAITABLE_UNKNOWN;
	if (value_field(&decoder->objects, at, FIELD_PyFrameObject_f_state, &state)) /* 3.10: FRAME_EXECUTING is 0 */
		running = (int8_t)state == 0;
	else
		(void)value_field(&decoder->objects, object, FIELD_PyGenObject_gi_running, &running);
	if ((running & 0xff) != 0)
		return AWAITABLE_RUNNING;
	return frame->last_instruction == UINT64_MAX ? AWAITABLE_CREATED : AWAITABLE_SUSPENDED;
}

/* enum _framestate of Include/internal/pycore_frame.h, by what changed in it. */
struct frame_states {
	int8_t created, last_suspended, executing;
};

static struct frame_states frame_states(const struct layout *layout)
{
	if (layout_feature(layout, FEATURE_FRAME_STATES_FROM_ZERO))
		return (struct frame_states){ 0, 3, 4 };
	return layout_feature(layout, FEATURE_YIELD_FROM_IN_FRAME_STATE) ? (struct frame_states){ -3, -1, 0 }
	                                                                 : (struct frame_states){ -2, -1, 0 };
}

enum awaitable_state awaitable_frame(struct decoder *decoder, uint64_t object, struct python_frame *ret_frame)
{
	const struct layout *layout = decoder->layout;
	uint64_t word;
	memset(ret_frame, 0, sizeof *ret_frame);
	if (!layout_feature(layout, FEATURE_INTERPRETER_FRAMES))
		return object_state(decoder, object, ret_frame);
	if (!value_field(&decoder->objects, object, FIELD_PyGenObject_gi_frame_state, &word))
		return AWAITABLE_UNKNOWN;
	const struct frame_states states = frame_states(layout);
	const int8_t state = (int8_t)word;
	const uint64_t frame = object + layout_offset(layout, FIELD_PyGenObject_gi_iframe);
	if (state > states.executing) {
		if (!value_field(&decoder->objects, object, FIELD_PyGenObject_gi_code, &ret_frame->code) &&
		    value_field(&decoder->objects, frame, FIELD__PyInterpreterFrame_f_executable, &word))
			ret_frame->code =
			        layout_feature(layout, FEATURE_TAGGED_STACK_REFS) ? word & ~UINT64_C(3) : word;
		return AWAITABLE_ENDED;
	}
	if (!runtime_read_frame(decoder->context->runtime, &decoder->reader, frame, ret_frame))
		return AWAITABLE_UNKNOWN;
	if (state == states.created)
		return AWAITABLE_CREATED;
	return state <= states.last_suspended ? AWAITABLE_SUSPENDED : AWAITABLE_RUNNING;
}

/* Whether a suspended frame that may stand in a plain yield waits for another. */
static bool is_awaiting(struct decoder *decoder, uint64_t object, const struct python_frame *frame)
{
	const struct layout *layout = decoder->layout;
	uint64_t word, code;
	if (layout_feature(layout, FEATURE_YIELD_FROM_IN_FRAME_STATE)) {
		if (!value_field(&decoder->objects, object, FIELD_PyGenObject_gi_frame_state, &word))
			return false;
		return layout_feature(layout, FEATURE_FRAME_STATES_FROM_ZERO) ? (int8_t)word == 2 || (int8_t)word == 3
		                                                              : (int8_t)word == -1;
	}
	if (frame->last_instruction_is_address) {
		/* The RESUME behind the yield says what it comes from: 1 yield, 2 yield from, 3 await. */
		const uint8_t *resume = reader_at(&decoder->reader, frame->last_instruction + 2, 2);
		return resume != NULL && (resume[1] & 3) >= 2;
	}
	if (!value_field(&decoder->objects, frame->code, FIELD_PyCodeObject_co_code, &code))
		return false;
	/* f_lasti is that of the instruction before: YIELD_FROM steps back to be run again. */
	const uint8_t *next =
	        reader_at(&decoder->reader,
	                  code + layout_offset(layout, FIELD_PyBytesObject_ob_sval) + frame->last_instruction + 2, 1);
	return next != NULL && *next == YIELD_FROM;
}

uint64_t awaitable_awaits(struct decoder *decoder, uint64_t object, const struct python_frame *frame, bool may_yield)
{
	enum { NO_OBJECT = 3 /* tag of a small number, as an index of a virtual iterator is one */ };
	const bool tagged = layout_feature(decoder->layout, FEATURE_TAGGED_STACK_REFS);
	uint64_t word;
	if (frame->stack_depth <= 0 || frame->stack == 0 || (may_yield && !is_awaiting(decoder, object, frame)))
		return 0;
	/* 3.15's SEND has above the receiver a null, or an index. */
	for (int64_t i = frame->stack_depth - 1; i >= 0 && i >= frame->stack_depth - (tagged ? 2 : 1); i--) {
		if (!reader_u64(&decoder->reader, frame->stack + 8 * (uint64_t)i, &word))
			return 0;
		if (!tagged || ((word & NO_OBJECT) != NO_OBJECT && (word & ~UINT64_C(3)) != 0))
			return tagged ? word & ~UINT64_C(3) : word;
	}
	return 0;
}

/* ---- Links ---- */

enum awaitable_kind awaitable_skip_links(struct decoder *decoder, uint64_t *object)
{
	enum awaitable_kind kind = AWAITABLE_NONE;
	for (unsigned i = 0; i < LIMIT_TYPE_CHAIN; i++) {
		enum layout_field field;
		uint64_t next;
		kind = awaitable_kind(decoder, *object);
		if (kind == AWAITABLE_WRAPPER)
			field = FIELD_PyCoroWrapper_cw_coroutine;
		else if (kind == AWAITABLE_SEND)
			field = FIELD_PyAsyncGenASend_ags_gen;
		else if (kind == AWAITABLE_THROW)
			field = FIELD_PyAsyncGenAThrow_agt_gen;
		else if (kind == AWAITABLE_NEXT)
			field = FIELD_anextawaitableobject_wrapped;
		else if (kind == AWAITABLE_FUTURE_ITERATOR)
			field = FIELD_futureiterobject_future;
		else
			break;
		if (!value_field(&decoder->objects, *object, field, &next) || next == 0)
			break;
		*object = next;
	}
	return kind;
}
