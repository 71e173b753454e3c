/* SPDX-License-Identifier: MIT
 * Where the frames of a thread begin, and whether the interpreter is at work on the first. */
#include <stdlib.h>

#include "runtime/find/opening.h"
#include "runtime/gil.h"

bool runtime_first_frame(const struct runtime *runtime, struct reader *reader, uint64_t thread, uint64_t *ret_frame)
{
	const struct layout *layout = &runtime->layout;
	uint64_t record;
	if (layout_has(layout, FIELD_PyThreadState_frame))
		return read_field(reader, layout, thread, FIELD_PyThreadState_frame, ret_frame);
	if (layout_has(layout, FIELD_PyThreadState_current_frame))
		return read_field(reader, layout, thread, FIELD_PyThreadState_current_frame, ret_frame);
	/* 3.11 and 3.12: behind a record on the C stack, or in the thread state itself. */
	return read_field(reader, layout, thread, FIELD_PyThreadState_cframe, &record) &&
	       read_field(reader, layout, record, FIELD__PyCFrame_current_frame, ret_frame);
}

static int compare_addresses(const void *left_address, const void *right_address)
{
	const uint64_t left = *(const uint64_t *)left_address, right = *(const uint64_t *)right_address;
	return left < right ? -1 : left > right;
}

/* A thread that waits, or gave the GIL away, left the interpreter's loop by a call, in front of which the loop saves
 * the top of the stack. */
static bool may_be_at_work(enum gil_state state)
{
	return state == GIL_HOLDS || state == GIL_ATTACHED || state == GIL_UNKNOWN;
}

int find_running_frames(struct opening *opening)
{
	struct runtime *runtime = opening->runtime;
	if (!layout_has(&runtime->layout, FIELD__PyInterpreterFrame_stackpointer))
		return OK;
	for (size_t i = 0; i < runtime->threads.count; i++) {
		const struct python_thread *thread = &runtime->threads.items[i];
		uint64_t frame;
		/* Whether a thread waits for the GIL or for something else, which its system call would tell, is one.
		 */
		if (!runtime_first_frame(runtime, &opening->reader, thread->address, &frame) || frame == 0 ||
		    !may_be_at_work(gil_state(runtime, &opening->reader, thread, NULL)))
			continue;
		if (!array_push(&runtime->running_frames, frame))
			return error_set(opening->error, ERROR_NO_MEMORY, "out of memory");
	}
	if (runtime->running_frames.count > 1)
		qsort(runtime->running_frames.items, runtime->running_frames.count, sizeof(uint64_t),
		      compare_addresses);
	return OK;
}

bool runtime_frame_is_running(const struct runtime *runtime, uint64_t address)
{
	const uint64_t *frames = runtime->running_frames.items;
	return frames != NULL &&
	       bsearch(&address, frames, runtime->running_frames.count, sizeof *frames, compare_addresses) != NULL;
}
