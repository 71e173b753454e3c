/* SPDX-License-Identifier: MIT
 * task_wait: what the innermost step of a chain waits for, in the words of the library that waits: not "a future" but
 * Queue.get of that queue. */
#ifndef PYDS_QUERY_TASK_WAIT_H
#define PYDS_QUERY_TASK_WAIT_H

#include "query/memory/library.h"
#include "query/tasks/await_chain.h"
#include "query/tasks/tasks.h"

struct waited {
	enum task_wait wait;
	uint64_t code, object, keeper_type; /* as in struct task_group */
};

/* Modules whose coroutines wait for their callers; for library_open(). */
extern const char *const task_libraries[];

/* task: NULL of a coroutine that no task has. */
struct waited task_waits_for(struct library *library, const struct await_chain *chain, const struct future *task);

#endif
