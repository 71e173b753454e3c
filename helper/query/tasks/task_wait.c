/* SPDX-License-Identifier: MIT */
#include "query/tasks/task_wait.h"

const char *const task_libraries[] = { "asyncio", "anyio", "trio", "curio", "outcome", "sniffio", NULL };

/* What a library's function, which is no method, is about to enter: anyio's run_sync() waits for its limiter. The step
 * below the innermost __aenter__() from one on, or that step. */
static size_t entered_step(struct library *library, const struct await_chain *chain, size_t at)
{
	size_t found = at;
	if (frame_self(library->decoder, &chain->steps.items[at].frame) != 0)
		return at;
	for (size_t i = at; i + 1 < chain->steps.count; i++)
		if (code_is_named(library->decoder, chain->steps.items[i].frame.code, "__aenter__"))
			found = i + 1;
	return found;
}

/* The step of the innermost run of library code that a person would name: the outermost one, but the method that an
 * `async with` leads to rather than __aenter__ itself. -1: the innermost step is the program's. */
static int64_t find_library_step(struct library *library, const struct await_chain *chain)
{
	struct decoder *decoder = library->decoder;
	const size_t count = chain->steps.count;
	size_t at = count;
	while (at > 0 && library_has(library, chain->steps.items[at - 1].frame.code))
		at--;
	if (at == count)
		return -1;
	while (at + 1 < count && code_is_named(decoder, chain->steps.items[at].frame.code, "__aenter__"))
		at++;
	return (int64_t)entered_step(library, chain, at);
}

static struct waited future_waited(struct decoder *decoder, uint64_t object, enum awaitable_kind kind)
{
	static const enum task_wait waits[] = { [FUTURE_PLAIN] = WAIT_FUTURE,
		                                [FUTURE_GATHER] = WAIT_GATHER,
		                                [FUTURE_SHIELD] = WAIT_SHIELD,
		                                [FUTURE_EXECUTOR] = WAIT_EXECUTOR };
	struct waited waited = { .wait = WAIT_FUTURE, .object = object };
	struct future future;
	uint64_t inner;
	if (awaitable_is_task(kind)) {
		waited.wait = WAIT_TASK;
	} else if (future_read(decoder, object, kind, &future)) {
		const enum future_role role = future_role(decoder, &future, &inner);
		waited.wait = waits[role];
		if (role == FUTURE_EXECUTOR)
			waited.object = inner;
	}
	return waited;
}

static bool has_ended(struct decoder *decoder, uint64_t object)
{
	struct future future;
	return future_read(decoder, object, awaitable_kind(decoder, object), &future) &&
	       (future.state == FUTURE_FINISHED || future.state == FUTURE_CANCELLED);
}

struct waited task_waits_for(struct library *library, const struct await_chain *chain, const struct future *task)
{
	struct decoder *decoder = library->decoder;
	struct waited waited = { .wait = WAIT_NOTHING };
	const size_t count = chain->steps.count;
	if (count == 0 || chain->steps.items[count - 1].state != AWAITABLE_SUSPENDED)
		return waited;
	/* What it waited for is done: the loop will wake it when it comes to it. */
	const bool is_foreign = task == NULL || task->kind == AWAITABLE_FOREIGN_TASK;
	if (!is_foreign && (task->waiter == 0 || has_ended(decoder, task->waiter)))
		return waited;
	const int64_t step = find_library_step(library, chain);
	if (step >= 0) {
		waited.code = chain->steps.items[step].frame.code;
		waited.object = frame_self(decoder, &chain->steps.items[step].frame);
		waited.wait = waited.object != 0 ? WAIT_METHOD : WAIT_FUNCTION;
		if (waited.wait == WAIT_FUNCTION && awaitable_is_future(chain->last_kind)) { /* to_thread() */
			const struct waited inner = future_waited(decoder, chain->last, chain->last_kind);
			return inner.wait == WAIT_EXECUTOR ? inner : waited;
		}
		return waited;
	}
	if (awaitable_is_future(chain->last_kind))
		return future_waited(decoder, chain->last, chain->last_kind);
	if (!is_foreign)
		return future_waited(decoder, task->waiter, awaitable_kind(decoder, task->waiter));
	if (chain->last != 0)
		waited = (struct waited){ .wait = WAIT_OTHER, .object = chain->last };
	return waited;
}
