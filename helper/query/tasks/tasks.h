/* SPDX-License-Identifier: MIT
 * tasks: every asyncio task of the heap (and of trio and curio), every suspended greenlet, coroutines that were never
 * awaited and generators that stand still: grouped by where they stand, with what they wait for. Tasks are found by
 * their type, not through the loop's lists: finished ones that somebody keeps are among them. */
#ifndef PYDS_QUERY_TASKS_H
#define PYDS_QUERY_TASKS_H

#include "query/tasks/future.h"
#include "query/instances.h"
#include "query/query.h"

enum task_state {
	TASK_PENDING,
	TASK_RUNNING, /* its coroutine executes now */
	TASK_DONE,
	TASK_FAILED, /* finished by an exception */
	TASK_CANCELLED,
	TASK_COROUTINE, /* a coroutine that is suspended outside of any task */
	TASK_GREENLET, /* a greenlet that was switched away from */
	TASK_NOT_AWAITED, /* a coroutine that nobody awaited yet, and no task has */
	TASK_GENERATOR, /* a generator that stands in a yield */
	TASK_ASYNC_GENERATOR,
	TASK_FUTURE, /* a pending future, no task, without a callback: nobody waits for it */
	TASK_FUTURE_DONE, /* and these have ended and are kept */
	TASK_FUTURE_FAILED,
	TASK_FUTURE_CANCELLED,
	TASK_STATE_COUNT
};
const char *task_state_name(enum task_state state); /* "pending", "never awaited", ... */
static inline bool task_state_is_noun(enum task_state state) /* "generator", which there may be several of */
{
	return state >= TASK_COROUTINE && state != TASK_NOT_AWAITED;
}
static inline bool task_state_has_ended(enum task_state state)
{
	return (state >= TASK_DONE && state <= TASK_CANCELLED) || state >= TASK_FUTURE_DONE;
}

enum task_wait {
	WAIT_NOTHING, /* it has ended, or runs, or will run: the loop has not come to it */
	WAIT_METHOD, /* a method of a library object: Queue.get of `object` */
	WAIT_FUNCTION, /* a function of a library: sleep, wait */
	WAIT_TASK, /* object: the task */
	WAIT_GATHER, /* object: the future of gather() */
	WAIT_SHIELD,
	WAIT_EXECUTOR, /* object: the concurrent.futures.Future of run_in_executor() */
	WAIT_FUTURE, /* object: a future that nothing more is known of */
	WAIT_OTHER, /* object: something else that is awaited, of a type that is not known to wait */
};

/* A place in code: what a step of a chain is told apart by. */
struct task_place {
	uint64_t code; /* 0: unknown; then object's type says what it is */
	uint64_t instruction; /* as python_frame.last_instruction */
	bool is_address;
	bool object_is_frame;
	uint64_t object; /* an example: a coroutine, or the frame of a function */
};

struct task_group {
	enum task_state state;
	ARRAY(struct task_place) chain; /* outermost first */
	enum task_wait wait;
	uint64_t wait_code; /* WAIT_METHOD, WAIT_FUNCTION: code of the function */
	uint64_t wait_object; /* of the first; what kind, enum task_wait says; 0: none */
	uint64_t wait_holder; /* a task that is inside `async with` of wait_object; 0: none is */
	bool holder_is_guess; /* it is not, but the only one that knows the lock and calls acquire() */
	struct task_place holder_place; /* where it is inside, or stands */
	bool waits_differ; /* others wait for other objects */
	uint32_t in_pool, in_pool_queue; /* WAIT_EXECUTOR: that a thread works for; whose work has not begun */
	uint64_t pool_future; /* in_pool > 0: the future of the first of them */
	uint64_t keeper_type; /* of futures: the type of what alone keeps each; 0: of none */
	uint32_t count, order; /* order: task_groups.c's own */
	uint64_t first; /* example: the task at the lowest address */
	uint64_t retained; /* bytes that would go if all of the group went */
	uint64_t payload; /* of these, results and exceptions of finished tasks alone */
	uint32_t not_retrieved; /* exceptions that nobody asked for */
	uint32_t runs_in; /* TASK_RUNNING: the thread of the first, in runtime->threads; UINT32_MAX: unknown */
	uint32_t keeper; /* number of the dominator tree: what alone keeps all of them; 0: several do */
	/* In words, of groups that were to have them; else "": wait_object, and keeper of what nobody waits for. */
	struct text wait_words, kept_by;
};

struct task_row {
	uint64_t address;
	uint64_t name; /* a str; 0: none */
	uint64_t loop;
	uint64_t wait_object;
	uint32_t group;
	uint32_t number; /* of the dominator tree; UINT32_MAX: garbage */
	uint64_t keeper; /* the object that alone keeps it; 0: none does */
	uint64_t retained;
	uint8_t state; /* enum task_state */
	bool must_cancel;
	uint32_t order; /* in which it was found */
};

/* What makes a task wait for another. */
enum task_edge_kind {
	EDGE_AWAITS,
	EDGE_GATHER,
	EDGE_SHIELD,
	EDGE_GROUP,
	EDGE_NURSERY,
	EDGE_WAIT,
	EDGE_WAIT_FOR,
	EDGE_LOCK,
	EDGE_COMPLETED /* of none in the answer: as_completed() waits as wait() does, EDGE_WAIT */
};
const char *task_edge_name(enum task_edge_kind kind); /* "await", "gather", "TaskGroup", ... */

/* Indexes of rows: `from` cannot go on before `to` is done. */
struct task_edge {
	uint32_t from, to;
	uint32_t kind; /* enum task_edge_kind */
};

/* A future that a thread of a pool works for. */
struct pool_work {
	uint64_t future;
	uint32_t thread; /* in runtime->threads */
	struct task_place place; /* where the work stands that the pool called */
};

struct loop_row {
	uint64_t address;
	int64_t ready, timers, descriptors; /* lengths; -1: unknown */
};

struct tasks_answer {
	ARRAY(struct task_group) groups; /* those that retain most first */
	ARRAY(struct task_row) rows; /* in order of address */
	ARRAY(struct task_edge) edges; /* sorted */
	ARRAY(struct loop_row) loops;
	ARRAY(struct pool_work) works; /* in order of future */
	ARRAY(uint32_t) cycles; /* rows; of each cycle its members in order, then UINT32_MAX */
	uint32_t futures; /* that are no tasks, pending, and that something waits for */
	struct coverage coverage;
	uint32_t truncated; /* chains that could not be followed to their end */
};

/* All of them; with_words: the first so many groups say in words what they wait for and what keeps them. */
int query_tasks(const struct query *query, uint64_t with_words, struct tasks_answer *ret_answer);

/* The row of a task; UINT32_MAX: it is none. */
static inline uint32_t tasks_row(const struct tasks_answer *tasks, uint64_t address)
{
	const size_t row = array_first_not_below(&tasks->rows, address, address);
	return row < tasks->rows.count && tasks->rows.items[row].address == address ? (uint32_t)row : UINT32_MAX;
}

/* Index of the first edge that leads from a row, or from one behind it. */
static inline uint32_t tasks_first_edge(const struct tasks_answer *tasks, uint32_t row)
{
	return (uint32_t)array_first_not_below(&tasks->edges, from, row);
}

/* NULL: no thread works for it. */
const struct pool_work *tasks_pool_work(const struct tasks_answer *tasks, uint64_t future);

void tasks_answer_clear(struct tasks_answer *tasks);

#endif
