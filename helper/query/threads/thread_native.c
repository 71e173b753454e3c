/* SPDX-License-Identifier: MIT */
#include "query/threads/thread_native.h"

#include <string.h>

#include "runtime/gil.h"

bool native_frame_runs_python(const struct native_frame *frame)
{
	/* Python/ceval.c, and what a compiler makes of it: _PyEval_EvalFrameDefault.cold; since 3.14 each instruction
	 * may be a function. */
	static const char *const loops[] = { "_PyEval_EvalFrameDefault", "_TAIL_CALL_" };
	for (size_t i = 0; frame->function != NULL && i < sizeof loops / sizeof loops[0]; i++)
		if (strncmp(frame->function, loops[i], strlen(loops[i])) == 0)
			return true;
	return false;
}

static int add_stack(const struct query *query, struct native_stacks *stacks, uint32_t index,
                     struct native_stacks_answer *answer)
{
	const struct runtime *runtime = query->target->runtime;
	struct thread_native stack = { .has_ended = false };
	int status = native_stacks_read(stacks, native_thread_of(runtime, &runtime->threads.items[index]),
	                                query->progress, &stack.frames, &stack.has_ended);
	if (status == OK && array_push(&answer->stacks, stack))
		return OK;
	native_frames_clear(&stack.frames);
	return status == ERROR_CANCELLED ? query_cancelled(query) : query_no_memory(query, "the frames of C code");
}

int query_native_stacks(const struct query *query, struct native_stacks_answer *ret_answer)
{
	struct native_stacks *stacks;
	int status = OK;
	*ret_answer = (struct native_stacks_answer){ .stacks = { .items = NULL } };
	TRY(native_stacks_open(&stacks, query->target->space, query->error));
	for (uint32_t i = 0; status == OK && i < query->target->runtime->threads.count; i++)
		status = query_is_cancelled(query) ? query_cancelled(query) : add_stack(query, stacks, i, ret_answer);
	native_stacks_close(stacks);
	return status;
}

void native_stacks_answer_clear(struct native_stacks_answer *answer)
{
	for (size_t i = 0; i < answer->stacks.count; i++)
		native_frames_clear(&answer->stacks.items[i].frames);
	array_free(&answer->stacks);
}
