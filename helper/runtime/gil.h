/* SPDX-License-Identifier: MIT
 * gil: who holds the global interpreter lock and who waits for it. Up to 3.11 one lock in _PyRuntime, since 3.12 one
 * that each interpreter points at (Python/ceval_gil.c). */
#ifndef PYDS_RUNTIME_GIL_H
#define PYDS_RUNTIME_GIL_H

#include "runtime/runtime.h"

enum gil_state {
	GIL_UNKNOWN,
	GIL_HOLDS,
	GIL_WAITS,
	GIL_RELEASED, /* it runs C code, or waits, without it */
	GIL_ATTACHED, /* free-threaded: it may touch objects */
	GIL_DETACHED, /* free-threaded: it runs C code, or waits */
	GIL_SUSPENDED, /* free-threaded: stopped by another thread, as by a collection */
};

/* The state of a thread towards the lock of its interpreter. native: what the operating system tells of it; NULL:
 * nothing. */
enum gil_state gil_state(const struct runtime *runtime, struct reader *reader, const struct python_thread *thread,
                         const struct native_thread *native);
const char *gil_state_name(enum gil_state state); /* "holds", "waits", "released", ...; "unknown" */

/* What the kernel calls a thread; NULL: it is not among those of the dump. */
const struct native_thread *native_thread_of(const struct runtime *runtime, const struct python_thread *thread);

#endif
