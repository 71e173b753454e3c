/* SPDX-License-Identifier: MIT
 * thread_native: the frames of C code of every Python thread. */
#ifndef PYDS_QUERY_THREADS_THREAD_NATIVE_H
#define PYDS_QUERY_THREADS_THREAD_NATIVE_H

#include "memory/native_stack.h"
#include "query/query.h"

struct thread_native {
	native_frame_array frames; /* innermost first; none: what the thread does is not known */
	bool has_ended; /* they lead to the outermost function */
};

struct native_stacks_answer {
	ARRAY(struct thread_native) stacks; /* in the order of runtime->threads */
};

int query_native_stacks(const struct query *query, struct native_stacks_answer *ret_answer);
void native_stacks_answer_clear(struct native_stacks_answer *answer);

/* Whether a frame is one of the interpreter's own loop, which runs Python frames. */
bool native_frame_runs_python(const struct native_frame *frame);

#endif
