/* SPDX-License-Identifier: MIT
 * await_chain: from a coroutine to the innermost that it awaits, suspended or running, and what that one waits for. */
#ifndef PYDS_QUERY_AWAIT_CHAIN_H
#define PYDS_QUERY_AWAIT_CHAIN_H

#include "base/array.h"
#include "query/tasks/awaitable.h"

struct await_step {
	uint64_t object; /* coroutine, generator or asynchronous generator; or the frame of a function */
	bool is_frame; /* it is a frame: of a greenlet, or of what a running coroutine called */
	enum awaitable_state state;
	struct python_frame frame;
};

/* One chain of awaits, outermost coroutine first. */
struct await_chain {
	ARRAY(struct await_step) steps;
	uint64_t last; /* what the innermost step waits for: a future, or an object of unknown type; 0: nothing known */
	enum awaitable_kind last_kind; /* of last */
	bool truncated; /* LIMIT_AWAIT_CHAIN, or a step that cannot be read */
};

/* Empties and fills *chain; false: out of memory. */
bool await_chain_follow(struct await_chain *chain, struct decoder *decoder, uint64_t coroutine);
void await_chain_clear(struct await_chain *chain);

#endif
