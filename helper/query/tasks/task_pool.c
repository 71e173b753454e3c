/* SPDX-License-Identifier: MIT
 * What the threads of pools work at: run() of concurrent/futures/thread.py has its _WorkItem with the future in self,
 * and run() of anyio's worker threads has the future in a local. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "object/value.h"
#include "query/tasks/task_builder.h"

static int compare(const void *left_work, const void *right_work)
{
	const struct pool_work *left = left_work, *right = right_work;
	return left->future < right->future ? -1 : left->future > right->future;
}

static uint64_t file_of(struct decoder *decoder, uint64_t code)
{
	uint64_t file;
	return value_field(&decoder->objects, code, FIELD_PyCodeObject_co_filename, &file) ? file : 0;
}

/* frames: innermost first; at: that of run(). What it calls in the end, past its own module (WorkerContext.run() of
 * 3.14), is the work. */
static bool add_work(struct task_builder *builder, const struct frame_list *frames, size_t at, uint32_t thread)
{
	struct decoder *decoder = builder->decoder;
	const struct python_frame run = frame_list_at(frames, at);
	const uint64_t self = frame_self(decoder, &run);
	struct pool_work work = { .thread = thread };
	if (self != 0)
		work.future = value_attribute(&decoder->objects, self, "future");
	if (work.future == 0)
		work.future = frame_local(decoder, &run, "future");
	if (work.future == 0)
		return true;
	size_t inner = at;
	for (size_t i = at; i-- > 0 && file_of(decoder, frame_list_code(frames, inner)) == file_of(decoder, run.code);)
		inner = i;
	/* A framework stands between (FastAPI's endpoints that are no coroutines): the program's own frame says more.
	 */
	for (size_t i = at; i-- > 0 && code_is_installed(decoder, frame_list_code(frames, inner));)
		if (!code_is_installed(decoder, frame_list_code(frames, i)))
			inner = i;
	const struct python_frame frame = frame_list_at(frames, inner);
	work.place = (struct task_place){ .code = frame.code,
		                          .instruction = frame.last_instruction,
		                          .is_address = frame.last_instruction_is_address };
	return array_push(&builder->tasks->works, work);
}

int task_pool_read(struct task_builder *builder)
{
	const struct runtime *runtime = builder->target->runtime;
	uint64_t steps = 0;
	for (uint32_t i = 0; i < runtime->threads.count && i < LIMIT_POOL_THREADS; i++) {
		const struct thread_frames *frames;
		TRY(runtime_thread_frames(runtime, &runtime->threads.items[i], &frames, builder->error));
		/* Below run() are two frames of threading and the worker's own. */
		const size_t count = frames->list.count;
		for (size_t k = count > POOL_OUTER_FRAMES ? count - POOL_OUTER_FRAMES : 0; k < count; k++)
			if (code_is_named(builder->decoder, frame_list_code(&frames->list, k), "run") &&
			    !add_work(builder, &frames->list, k, i))
				return error_set(builder->error, ERROR_NO_MEMORY, "out of memory for the tasks");
		if (progress_look(builder->progress, &steps) < 0)
			return progress_cancelled(builder->error);
	}
	if (builder->tasks->works.count > 1)
		qsort(builder->tasks->works.items, builder->tasks->works.count, sizeof *builder->tasks->works.items,
		      compare);
	return OK;
}

const struct pool_work *tasks_pool_work(const struct tasks_answer *tasks, uint64_t future)
{
	const size_t at = array_first_not_below(&tasks->works, future, future);
	return at < tasks->works.count && tasks->works.items[at].future == future ? &tasks->works.items[at] : NULL;
}

void task_pool_waited(const struct task_builder *builder, struct waited *waited)
{
	if (waited->wait == WAIT_EXECUTOR || waited->wait == WAIT_NOTHING || builder->chain.last == 0 ||
	    tasks_pool_work(builder->tasks, builder->chain.last) == NULL)
		return;
	*waited = (struct waited){ .wait = WAIT_EXECUTOR, .object = builder->chain.last };
}

void task_pool_count(const struct task_builder *builder, struct task_group *group, uint64_t future)
{
	struct object_reader *objects = &builder->decoder->objects;
	if (tasks_pool_work(builder->tasks, future) == NULL) {
		const uint64_t state = value_attribute(objects, future, "_state");
		group->in_pool_queue += state != 0 && value_str_equals(objects, state, "PENDING");
		return;
	}
	if (group->in_pool++ == 0)
		group->pool_future = future;
}
