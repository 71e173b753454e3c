/* SPDX-License-Identifier: MIT */
#include "query/tasks/await_chain.h"

#include "base/limits.h"
#include "query/tasks/awaitable_running.h"

bool await_chain_follow(struct await_chain *chain, struct decoder *decoder, uint64_t coroutine)
{
	uint64_t at = coroutine, anchor = 0;
	chain->steps.count = 0;
	chain->last = 0;
	chain->last_kind = AWAITABLE_NONE;
	chain->truncated = false;
	for (size_t count = 0; at != 0; count++) {
		const enum awaitable_kind kind = awaitable_skip_links(decoder, &at);
		if (kind < AWAITABLE_COROUTINE || kind > AWAITABLE_ASYNC_GENERATOR) {
			chain->last = at;
			chain->last_kind = kind;
			return true;
		}
		if (count == LIMIT_AWAIT_CHAIN || at == anchor) {
			chain->truncated = true;
			return true;
		}
		if ((count & (count + 1)) == 0)
			anchor = at;
		struct await_step step = { .object = at };
		step.state = awaitable_frame(decoder, at, &step.frame);
		chain->truncated |= step.state == AWAITABLE_UNKNOWN;
		if (!array_push(&chain->steps, step))
			return false;
		at = step.state == AWAITABLE_SUSPENDED
		             ? awaitable_awaits(decoder, at, &step.frame, kind != AWAITABLE_COROUTINE)
		     : step.state == AWAITABLE_RUNNING ? awaitable_runs_inside(decoder, &step.frame)
		                                       : 0;
	}
	return true;
}

void await_chain_clear(struct await_chain *chain)
{
	array_free(&chain->steps);
	*chain = (struct await_chain){ .last = 0 };
}
