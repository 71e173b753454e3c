/* SPDX-License-Identifier: MIT */
#include "query/frames/frame_call.h"

#include <string.h>

#include "names/builtin_call.h"
#include "names/locals.h"
#include "object/type_flags.h"
#include "object/value.h"
#include "query/frames/frame_objects.h"
#include "runtime/gil.h"

/* A thread that waits for something, or for the GIL, is no longer in the interpreter's loop. */
static bool has_left_loop(const struct query *query, const struct python_thread *thread)
{
	const struct runtime *runtime = query->target->runtime;
	const enum gil_state state =
	        gil_state(runtime, &query->target->naming.reader, thread, native_thread_of(runtime, thread));
	return state == GIL_RELEASED || state == GIL_WAITS || state == GIL_DETACHED || state == GIL_SUSPENDED;
}

/* A finalizer, under whatever name: it may be that of an argument, when the call is over and lets go of what it was
 * given. */
static bool finalizes(struct decoder *decoder, const struct python_frame *callee, uint64_t object)
{
	struct object_reader *objects = &decoder->objects;
	const uint64_t type = value_type(objects, object, NULL);
	const uint64_t finalizer = type != 0 ? value_class_attribute(objects, type, "__del__") : 0;
	uint64_t code;
	return finalizer != 0 && value_field(objects, finalizer, FIELD_PyFunctionObject_func_code, &code) &&
	       code == callee->code;
}

/* Functions of sys.settrace() and sys.setprofile() (3.11 and before; later ones replace instructions) are called in
 * front of a call and behind it; those of signals between two instructions, or in a call. All are given the frame. */
static bool is_apart(struct decoder *decoder, const struct python_frame *caller, const struct python_frame *callee,
                     uint64_t argument)
{
	return argument != 0 && (argument == caller->frame_object || argument == caller->address ||
	                         finalizes(decoder, callee, argument));
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
	if (index > 0 ? !frames->places[index - 1].ends_call : !has_left_loop(query, thread))
		return;
	const struct python_frame frame = frame_list_at(frames, index);
	if (index > 0) {
		const struct python_frame callee = frame_list_at(frames, index - 1);
		if (may_be_apart(decoder, &frame, &callee))
			return;
	}
	(void)builtin_call_say(decoder, &frame, kept, text);
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
