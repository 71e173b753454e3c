/* SPDX-License-Identifier: MIT
 * future: what an asyncio future or task says of itself, in C (Modules/_asynciomodule.c) or in Python
 * (asyncio/futures.py, asyncio/tasks.py); tasks of trio and curio as far as they have the same. */
#ifndef PYDS_QUERY_FUTURE_H
#define PYDS_QUERY_FUTURE_H

#include "query/tasks/awaitable.h"

enum future_state { FUTURE_UNKNOWN, FUTURE_PENDING, FUTURE_CANCELLED, FUTURE_FINISHED };

struct future {
	uint64_t address;
	enum awaitable_kind kind;
	enum future_state state;
	bool not_retrieved; /* finished by an exception that nobody asked for */
	bool must_cancel; /* of a task: cancel() was called, and it has not run since */
	/* Objects; 0: none. None itself is none. */
	uint64_t loop, result, exception;
	uint64_t coroutine, waiter, name; /* of a task; waiter: the future it waits for */
	/* How many callbacks, and where: one by itself (C: fut_callback0), the rest in a list of (callback, context).
	 */
	uint64_t first_callback, callbacks;
};

/* False: the object is none, or cannot be read. kind: of its type, as awaitable_kind_of_type() says. */
bool future_read(struct decoder *decoder, uint64_t object, enum awaitable_kind kind, struct future *ret_future);

/* Appends the name of a task, not escaped: a str, or since 3.12 the number in one that nobody has asked for yet
 * (_asyncio_Task_get_name_impl). False: it has none. */
bool future_add_name(struct object_reader *objects, uint64_t name, struct text *text);

/* The callbacks, in the order they will be called in. */
struct callback_cursor {
	struct decoder *decoder;
	uint64_t first, items, count, next;
};
void callback_cursor_init(struct callback_cursor *cursor, struct decoder *decoder, const struct future *future);
uint64_t callback_cursor_next(struct callback_cursor *cursor); /* 0 at the end */

/* The task that a callback wakes (TaskWakeupMethWrapper up to 3.9, the builtin task_wakeup of a task from 3.10 on,
 * Task.__wakeup where that is Python); 0: it is none. */
uint64_t callback_task(struct decoder *decoder, uint64_t callback);

/* The value of a function's free variable `name`; 0: it has none. */
uint64_t function_free_variable(struct decoder *decoder, uint64_t function, const char *name);
/* Whether an object is a Python function (or bound method of one) whose name, without qualifiers, is this. */
bool function_is_named(struct decoder *decoder, uint64_t object, const char *name);

/* What stands between a task and the futures it really waits for. */
enum future_role {
	FUTURE_PLAIN,
	FUTURE_GATHER, /* asyncio.gather(): children in _children */
	FUTURE_SHIELD, /* the outer future of asyncio.shield() */
	FUTURE_EXECUTOR, /* run_in_executor(), wrap_future(): follows a concurrent.futures.Future */
};
/* What a future that is no task stands for; *ret_inner: the list of children, the inner future, the
 * concurrent.futures.Future. */
enum future_role future_role(struct decoder *decoder, const struct future *future, uint64_t *ret_inner);

#endif
