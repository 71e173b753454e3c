/* SPDX-License-Identifier: MIT
 * thread_stacks: the part of each thread's stack that is in use. */
#ifndef PYDS_RUNTIME_THREAD_STACKS_H
#define PYDS_RUNTIME_THREAD_STACKS_H

#include "runtime/runtime.h"

struct stack_range {
	uint64_t start, end; /* from the stack pointer on; in one segment */
};

struct thread_stacks {
	ARRAY(struct stack_range) ranges; /* in the order of space->threads, those of whom it is known */
};

/* Above a stack of glibc's, in the same mapping, lies what pthread_self() points at; an allocator's arena may follow
 * without a gap. So where a Python thread's stack ends is known, and the main thread's has a mapping of its own; of
 * other threads it is not said. False: out of memory. */
bool thread_stacks_find(struct thread_stacks *ret_stacks, const struct runtime *runtime);
void thread_stacks_clear(struct thread_stacks *stacks);

#endif
