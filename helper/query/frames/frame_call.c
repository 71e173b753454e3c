/* SPDX-License-Identifier: MIT */
#include "query/frames/frame_call.h"

#include <string.h>

#include "names/builtin_call.h"
#include "names/finalized.h"
#include "names/locals.h"
#include "object/type_flags.h"
#include "object/value.h"
#include "query/frames/frame_objects.h"
#include "runtime/find/opening.h"
#include "runtime/gil.h"

/* A thread that waits for something, or for the GIL, is no longer in the interpreter's loop. *ret_is_blocked: it waits
 * in a call of the operating system that is not for the GIL. */
static bool has_left_loop(const struct query *query, const struct python_thread *thread, bool *ret_is_blocked)
{
	const struct runtime *runtime = query->target->runtime;
	const struct native_thread *native = native_thread_of(runtime, thread);
	const enum gil_state state = gil_state(runtime, &query->target->naming.reader, thread, native);
	const bool is_away = state == GIL_RELEASED || state == GIL_DETACHED;
	*ret_is_blocked = is_away && native != NULL && native->call_known && native->call >= 0;
	return is_away || state == GIL_WAITS || state == GIL_SUSPENDED;
}

/* A function of sys.settrace(), sys.setprofile(), sys.monitoring or of a profiler in C runs: in front of an instruction
 * or behind it, of a frame that is not known. */
static bool is_traced(const struct query *query, const struct python_thread *thread)
{
	uint64_t tracing;
	return !read_field(&query->target->naming.reader, query->target->naming.layout, thread->address,
	                   FIELD_PyThreadState_tracing, &tracing) ||
	       tracing != 0;
}

/* Functions of signals are called between two instructions, or in a call. They are given the frame. */
static bool is_apart(struct decoder *decoder, const struct python_frame *caller, const struct python_frame *callee,
                     uint64_t argument)
{
	return argument != 0 && (argument == caller->frame_object || argument == caller->address ||
	                         finalized_by(decoder, callee, argument));
}

/* A generator that is closed as nobody refers to it any more: it may be an argument. */
static bool is_being_closed(struct decoder *decoder, const struct python_frame *callee)
{
	const uint64_t generator = frame_generator(decoder, callee);
	uint64_t exception;
	if (generator == 0 ||
	    !value_field(&decoder->objects, generator, FIELD_PyGenObject_gi_exc_state_exc_value, &exception))
		return false;
	const uint64_t type = exception != 0 ? value_type(&decoder->objects, exception, NULL) : 0;
	return type != 0 && value_type_derives(&decoder->objects, type, -1, "GeneratorExit");
}

/* Whether a Python frame may have come to be otherwise than by what its caller called. */
static bool may_be_apart(struct decoder *decoder, const struct python_frame *caller, const struct python_frame *callee)
{
	enum { ARGUMENTS_LOOKED_AT = 3 };
	for (uint64_t i = 0; i < ARGUMENTS_LOOKED_AT; i++) {
		const uint64_t argument = local_value(decoder, callee, i);
		uint64_t count, items, item;
		if (is_apart(decoder, caller, callee, argument))
			return true;
		/* *arguments */
		for (uint64_t k = 0;
		     argument != 0 && value_is(&decoder->objects, argument, TPFLAGS_TUPLE_SUBCLASS) &&
		     value_items(&decoder->objects, argument, &count, &items) && k < count && k < ARGUMENTS_LOOKED_AT;
		     k++)
			if (reader_u64(&decoder->reader, items + 8 * k, &item) &&
			    is_apart(decoder, caller, callee, item))
				return true;
	}
	return is_being_closed(decoder, callee);
}

void frame_call_say(const struct query *query, const struct python_thread *thread, const struct frame_list *frames,
                    size_t index, struct code_depths *kept, struct text *text)
{
	struct decoder *decoder = &query->target->naming;
	bool is_blocked = true;
	if ((index > 0 ? !frames->places[index - 1].ends_call : !has_left_loop(query, thread, &is_blocked)) ||
	    is_traced(query, thread))
		return;
	const bool may_be_over = !is_blocked || query->target->runtime->is_collecting;
	const struct python_frame frame = frame_list_at(frames, index);
	if (index == 0) {
		(void)builtin_call_say(decoder, &frame, NULL, may_be_over, kept, text);
		return;
	}
	const struct python_frame callee = frame_list_at(frames, index - 1);
	if (!may_be_apart(decoder, &frame, &callee))
		(void)builtin_call_say(decoder, &frame, &callee, may_be_over, kept, text);
}

bool frame_call_is(const struct query *query, const struct python_thread *thread, const struct frame_list *frames,
                   size_t index, struct code_depths *kept, const char *said)
{
	struct text text = { .bytes = NULL };
	frame_call_say(query, thread, frames, index, kept, &text);
	const bool is_same = strcmp(text_string(&text), said) == 0;
	text_free(&text);
	return is_same;
}
