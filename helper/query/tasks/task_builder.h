/* SPDX-License-Identifier: MIT
 * task_builder: what the steps of tasks_find() share. */
#ifndef PYDS_QUERY_TASK_BUILDER_H
#define PYDS_QUERY_TASK_BUILDER_H

#include "query/tasks/task_wait.h"
#include "query/threads/with_blocks.h"

/* A task that is inside `async with` of an object, or waits to enter. */
struct task_with {
	uint64_t object;
	uint64_t through; /* a Condition that the lock is of; 0: it is by itself */
	uint32_t row;
	bool is_guess; /* it only knows the object and calls acquire() */
	struct task_place place;
};

/* A coroutine of a task whose code calls acquire(): it may have a lock that nobody is inside `async with` of. */
struct task_taker {
	uint64_t coroutine;
	uint32_t row;
};

/* What a task waits for, found while its chain is at hand: rows and edges come once all tasks are known. */
struct task_awaited {
	uint32_t row;
	uint64_t object;
	enum task_edge_kind kind;
};

enum { POOL_OUTER_FRAMES = 8 }; /* run() of a pool is among the outermost frames of its thread */

struct task_builder {
	struct tasks_answer *tasks;
	struct target *target;
	struct decoder *decoder;
	const struct retained *heap;
	struct progress *progress;
	struct error *error;
	struct library library;
	instance_array instances;
	struct await_chain chain; /* of the row at hand */
	ARRAY(struct task_with) withs;
	ARRAY(struct task_awaited) waits;
	struct address_map step_kinds; /* of code objects: task_edges.c's own */
	/* task_holders.c's own: of code objects, 1 if they call acquire(); and coroutines that do */
	struct address_map taking_codes;
	struct with_blocks blocks; /* `async with` */
	ARRAY(struct task_taker) takers;
	uint8_t *awaited; /* a bit for each node: a coroutine or generator that a chain leads through */
	/* Groups by what they are told apart by: open addressing, at most half full. */
	struct group_slot {
		uint64_t hash;
		uint32_t group; /* + 1; 0: free */
	} * slots;
	uint32_t slot_mask;
};

/* task_rows.c: a role for instances_find(); then rows of all of builder->instances. */
uint8_t task_rows_classify(struct decoder *decoder, const struct type_info *type);
int task_rows_add(struct task_builder *builder);

/* task_groups.c. Adds the row and puts it into the group of its state, the builder's chain and what is waited for. */
int task_builder_add(struct task_builder *builder, const struct task_row *row, const struct waited *waited);
/* Weighs and sorts the groups; rows follow. */
int task_groups_finish(struct task_builder *builder);

/* task_pool.c: fills the answer's works. */
int task_pool_read(struct task_builder *builder);
/* What the builder's chain waits for is a thread's work after all. */
void task_pool_waited(const struct task_builder *builder, struct waited *waited);
/* Whether a thread does the work of a future that a task of the group waits for, or has not begun. */
void task_pool_count(const struct task_builder *builder, struct task_group *group, uint64_t future);

/* task_running.c: goes on with the builder's chain, if its last step runs, by the frames of the thread that runs it;
 * UINT32_MAX: none is known to. */
int task_running_follow(struct task_builder *builder, uint32_t *ret_thread);

/* task_greenlet.c: the frames of a suspended greenlet as a chain, outermost first; false: it is not suspended. */
bool task_greenlet_chain(struct decoder *decoder, uint64_t greenlet, struct await_chain *chain, bool *ret_no_memory);

/* task_holders.c: notes what the row of the builder's chain is inside `async with` of; then finds who holds what the
 * others wait for, and adds an edge for each. False: out of memory. */
bool task_holders_note(struct task_builder *builder, uint32_t row);
bool task_holders_find(struct task_builder *builder);

/* task_completed.c: the rows that a call of as_completed() waits for, which keeps those that are done in a queue (up to
 * 3.12; later ones have a list of the others). False: out of memory. */
bool task_completed_find(struct task_builder *builder);

/* task_edges.c: notes what the row of the builder's chain waits for; then which of the rows wait for which, and what
 * cycles there are. */
bool task_edges_note(struct task_builder *builder, uint32_t row, const struct future *task);
int task_edges_find(struct task_builder *builder);
int task_cycles_find(struct task_builder *builder);

#endif
