/* SPDX-License-Identifier: MIT
 * A task that runs: its coroutines and what they called are frames of the thread that runs it. What a running frame
 * awaits is in the interpreter's registers only, so the chain goes on there. */
#include "base/limits.h"
#include "query/frames/frame_objects.h"
#include "query/tasks/task_builder.h"

/* frames: innermost first; those inside of the one at `at` are added. */
static bool add_inner(struct task_builder *builder, const struct frame_list *frames, size_t at)
{
	struct await_chain *chain = &builder->chain;
	bool done = true;
	while (done && at-- > 0) {
		struct await_step step = { .frame = frame_list_at(frames, at), .state = AWAITABLE_RUNNING };
		if (chain->steps.count >= LIMIT_AWAIT_CHAIN) {
			chain->truncated = true;
			break;
		}
		step.object = frame_generator(builder->decoder, &step.frame);
		step.is_frame = step.object == 0;
		if (step.is_frame)
			step.object = step.frame.address;
		done = array_push(&chain->steps, step);
	}
	return done;
}

int task_running_follow(struct task_builder *builder, uint32_t *ret_thread)
{
	const struct runtime *runtime = builder->target->runtime;
	const struct await_chain *chain = &builder->chain;
	uint64_t steps = 0;
	*ret_thread = UINT32_MAX;
	if (chain->steps.count == 0 || chain->steps.items[chain->steps.count - 1].state != AWAITABLE_RUNNING)
		return OK;
	const uint64_t frame = chain->steps.items[chain->steps.count - 1].frame.address;
	for (uint32_t i = 0; i < runtime->threads.count && i < LIMIT_POOL_THREADS; i++) {
		const struct thread_frames *frames;
		TRY(runtime_thread_frames(runtime, &runtime->threads.items[i], &frames, builder->error));
		for (size_t k = 0; k < frames->list.count; k++) {
			if (frames->list.places[k].address == frame) {
				*ret_thread = i;
				return add_inner(builder, &frames->list, k) ? OK
				                                            : error_set(builder->error, ERROR_NO_MEMORY,
				                                                        "out of memory for the tasks");
			}
			if (progress_look(builder->progress, &steps) < 0)
				return progress_cancelled(builder->error);
		}
	}
	return OK;
}
