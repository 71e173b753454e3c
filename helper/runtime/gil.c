/* SPDX-License-Identifier: MIT */
#include "runtime/gil.h"

#include "runtime/find/opening.h"

enum { CALL_FUTEX = 202 /* x86-64 */, ATTACHMENT_ATTACHED = 1, ATTACHMENT_SUSPENDED = 2 };

const struct native_thread *native_thread_of(const struct runtime *runtime, const struct python_thread *thread)
{
	for (size_t i = 0; i < runtime->space->threads.count && thread->native_id != 0; i++)
		if (runtime->space->threads.items[i].tid == thread->native_id)
			return &runtime->space->threads.items[i];
	return NULL;
}

/* Where the lock is; 0: it cannot be told. */
static uint64_t find_gil(const struct runtime *runtime, struct reader *reader, uint64_t interpreter)
{
	uint64_t gil = 0;
	if (layout_has(&runtime->layout, FIELD__PyRuntimeState_ceval_gil))
		return runtime->address + layout_offset(&runtime->layout, FIELD__PyRuntimeState_ceval_gil);
	return read_field(reader, &runtime->layout, interpreter, FIELD_PyInterpreterState_ceval_gil, &gil) ? gil : 0;
}

static bool waits_for(const struct runtime *runtime, const struct native_thread *native, uint64_t gil)
{
	return native != NULL && native->call_known && native->call == CALL_FUTEX &&
	       native->call_arguments[0] - gil < runtime->layout.struct_bytes[STRUCT__gil_runtime_state];
}

enum gil_state gil_state(const struct runtime *runtime, struct reader *reader, const struct python_thread *thread,
                         const struct native_thread *native)
{
	const struct layout *layout = &runtime->layout;
	uint64_t locked, holder, state;
	if (layout_feature(layout, FEATURE_FREE_THREADED)) {
		if (!read_field(reader, layout, thread->address, FIELD_PyThreadState_attachment, &state))
			return GIL_UNKNOWN;
		return state == ATTACHMENT_ATTACHED    ? GIL_ATTACHED
		       : state == ATTACHMENT_SUSPENDED ? GIL_SUSPENDED
		                                       : GIL_DETACHED;
	}
	const uint64_t gil = find_gil(runtime, reader, thread->interpreter);
	if (gil == 0 || !read_field(reader, layout, gil, FIELD__gil_runtime_state_locked, &locked) ||
	    !read_field(reader, layout, gil, FIELD__gil_runtime_state_last_holder, &holder))
		return GIL_UNKNOWN;
	if ((int32_t)locked > 0 && holder == thread->address)
		return GIL_HOLDS;
	return waits_for(runtime, native, gil) ? GIL_WAITS : GIL_RELEASED;
}

const char *gil_state_name(enum gil_state state)
{
	static const char *const names[] = {
		[GIL_UNKNOWN] = "unknown",     [GIL_HOLDS] = "holds",       [GIL_WAITS] = "waits",
		[GIL_RELEASED] = "released",   [GIL_ATTACHED] = "attached", [GIL_DETACHED] = "detached",
		[GIL_SUSPENDED] = "suspended",
	};
	return names[state];
}
