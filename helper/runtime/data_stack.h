/* SPDX-License-Identifier: MIT
 * data_stack: since 3.11 the frames of a thread that no generator has lie one behind the other in chunks of memory of
 * its own (Python/pystate.c: push_chunk, _PyThreadState_PushFrame). What leads from one to the next may go through
 * entries on the C stack; where that is not in the dump, their places still tell them. */
#ifndef PYDS_RUNTIME_DATA_STACK_H
#define PYDS_RUNTIME_DATA_STACK_H

#include "base/array.h"
#include "runtime/runtime.h"

typedef ARRAY(uint64_t) frame_addresses;

/* Where the frames before the one at `end` are, entries among them, outermost first; end 0: all. None where the thread
 * has no such stack, where `end` is not on it, or where a walk along it does not come to `end` exactly. False: out of
 * memory. */
bool data_stack_read(const struct runtime *runtime, const struct python_thread *thread, struct reader *reader,
                     uint64_t end, frame_addresses *frames);

#endif
