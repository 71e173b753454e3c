/* SPDX-License-Identifier: MIT */
#include "query/frames/frame_call.h"

#include "names/builtin_call.h"
#include "query/memory/library.h"
#include "runtime/gil.h"

/* A thread that waits for something, or for the GIL, is no longer in the interpreter's loop. */
static bool has_left_loop(const struct query *query, const struct python_thread *thread)
{
	const struct runtime *runtime = query->target->runtime;
	const enum gil_state state =
	        gil_state(runtime, &query->target->naming.reader, thread, native_thread_of(runtime, thread));
	return state == GIL_RELEASED || state == GIL_WAITS || state == GIL_DETACHED || state == GIL_SUSPENDED;
}

void frame_call_say(const struct query *query, const struct python_thread *thread, const struct frame_list *frames,
                    size_t index, struct text *text)
{
	struct decoder *decoder = &query->target->naming;
	const bool is_in_c = index > 0 ? frames->places[index - 1].ends_call : has_left_loop(query, thread);
	/* A finalizer may be that of an argument, when the call is over and lets go of what it was given. */
	if (!is_in_c || (index > 0 && code_is_named(decoder, frame_list_code(frames, index - 1), "__del__")))
		return;
	const struct python_frame frame = frame_list_at(frames, index);
	(void)builtin_call_say(decoder, &frame, text);
}
