/* SPDX-License-Identifier: MIT
 * awaitable: coroutines, generators, asynchronous generators and what stands between them in a chain of awaits; what a
 * suspended one waits for. The awaited object is the last word of the evaluation stack of the frame that awaits
 * (Python/bytecodes.c SEND, YIELD_FROM before 3.11). */
#ifndef PYDS_QUERY_AWAITABLE_H
#define PYDS_QUERY_AWAITABLE_H

#include "decode/decoder.h"

enum awaitable_kind {
	AWAITABLE_NONE, /* another object */
	AWAITABLE_COROUTINE,
	AWAITABLE_GENERATOR,
	AWAITABLE_ASYNC_GENERATOR,
	AWAITABLE_WRAPPER, /* coroutine_wrapper: what __await__() of a coroutine returns */
	AWAITABLE_SEND, /* async_generator_asend: one step of an asynchronous generator */
	AWAITABLE_THROW, /* async_generator_athrow: the same by athrow() or aclose() */
	AWAITABLE_NEXT, /* anext_awaitable: anext() with a default */
	AWAITABLE_FUTURE_ITERATOR, /* _asyncio.FutureIter */
	AWAITABLE_FUTURE, /* these and below: future_is() */
	AWAITABLE_TASK,
	AWAITABLE_PYTHON_FUTURE, /* asyncio.futures.Future written in Python */
	AWAITABLE_PYTHON_TASK,
	AWAITABLE_FOREIGN_TASK, /* trio, curio: a Python object with coro and name */
};

static inline bool awaitable_is_future(enum awaitable_kind kind)
{
	return kind >= AWAITABLE_FUTURE;
}

static inline bool awaitable_is_task(enum awaitable_kind kind)
{
	return kind == AWAITABLE_TASK || kind == AWAITABLE_PYTHON_TASK || kind == AWAITABLE_FOREIGN_TASK;
}

/* Which of these the instances of a type are; its bases count. */
enum awaitable_kind awaitable_kind_of_type(struct decoder *decoder, const struct type_info *type);
enum awaitable_kind awaitable_kind(struct decoder *decoder, uint64_t object);

enum awaitable_state {
	AWAITABLE_UNKNOWN, /* it cannot be read */
	AWAITABLE_CREATED, /* never awaited */
	AWAITABLE_SUSPENDED,
	AWAITABLE_RUNNING,
	AWAITABLE_ENDED,
};

/* The state of a coroutine, generator or asynchronous generator. *ret_frame is its frame where it has one: CREATED,
 * SUSPENDED and RUNNING. Of one that ENDED frame.code alone is set, if it still has that. */
enum awaitable_state awaitable_frame(struct decoder *decoder, uint64_t object, struct python_frame *ret_frame);
/* What a suspended frame awaits or yields from; 0: it stands in a plain yield, or it cannot be told. may_yield: it is
 * not a coroutine's. */
uint64_t awaitable_awaits(struct decoder *decoder, uint64_t object, const struct python_frame *frame, bool may_yield);

/* Past what only leads to another awaitable: *object becomes a coroutine, a generator, a future or an object of another
 * kind, which is returned. */
enum awaitable_kind awaitable_skip_links(struct decoder *decoder, uint64_t *object);

#endif
