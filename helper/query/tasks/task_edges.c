/* SPDX-License-Identifier: MIT
 * Which tasks wait for which: a task awaits a task, a future of gather() or shield() that stands for some, or it stands
 * in a function of asyncio that keeps them in a local: TaskGroup.__aexit__, wait, wait_for (up to 3.11). */
#include <stdlib.h>

#include "base/limits.h"
#include "base/sort.h"
#include "object/value.h"
#include "query/tasks/task_builder.h"

struct edge_finder {
	struct task_builder *builder;
	uint32_t from;
	ARRAY(uint64_t) queue; /* futures that `from` waits for, and those behind them */
	bool no_memory;
};

static void queue_future(struct edge_finder *finder, uint64_t object)
{
	if (object != 0 && finder->queue.count < LIMIT_CALLBACKS && !array_push(&finder->queue, object))
		finder->no_memory = true;
}

static uint32_t row_of(const struct tasks_answer *tasks, uint64_t address)
{
	const size_t row = array_first_not_below(&tasks->rows, address, address);
	return row < tasks->rows.count && tasks->rows.items[row].address == address ? (uint32_t)row : UINT32_MAX;
}

/* All that a list, set or tuple of futures holds. */
static void queue_items(struct edge_finder *finder, uint64_t container)
{
	struct decoder *decoder = finder->builder->decoder;
	if (container == 0 || !decode_object(decoder, container))
		return;
	for (size_t i = 0; i < decoder->out.runs.count; i++) {
		const struct run *run = &decoder->out.runs.items[i];
		for (uint64_t k = 0; (run->flags & RUN_ITEM) && k < run->count; k++)
			queue_future(finder, run_target(run, k));
	}
}

static void look_at_future(struct edge_finder *finder, uint64_t object)
{
	struct decoder *decoder = finder->builder->decoder;
	struct tasks_answer *tasks = finder->builder->tasks;
	const enum awaitable_kind kind = awaitable_kind(decoder, object);
	struct future future;
	uint64_t inner;
	if (awaitable_is_task(kind)) {
		const struct task_edge edge = { finder->from, row_of(tasks, object) };
		/* What has ended is not waited for any more. */
		if (edge.to != UINT32_MAX && tasks->rows.items[edge.to].state <= TASK_RUNNING &&
		    !array_push(&tasks->edges, edge))
			finder->no_memory = true;
		return;
	}
	if (!future_read(decoder, object, kind, &future) || future.state != FUTURE_PENDING)
		return;
	const enum future_role role = future_role(decoder, &future, &inner);
	if (role == FUTURE_GATHER)
		queue_items(finder, inner);
	else if (role == FUTURE_SHIELD)
		queue_future(finder, inner);
}

/* ---- What the steps of a chain say ---- */

enum step_kind { STEP_OTHER, STEP_WAIT, STEP_WAIT_FOR, STEP_TASK_GROUP };

static enum step_kind find_step_kind(struct task_builder *builder, uint64_t code)
{
	static const struct {
		const char *name;
		enum step_kind kind;
	} names[] = { { "wait", STEP_WAIT },
		      { "_wait", STEP_WAIT },
		      { "wait_for", STEP_WAIT_FOR },
		      { "__aexit__", STEP_TASK_GROUP },
		      { "_aexit", STEP_TASK_GROUP } };
	if (!library_has(&builder->library, code))
		return STEP_OTHER;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (code_is_named(builder->decoder, code, names[i].name))
			return names[i].kind;
	return STEP_OTHER;
}

static enum step_kind step_kind(struct task_builder *builder, uint64_t code)
{
	const uint32_t known = address_map_get(&builder->step_kinds, code);
	if (known != ADDRESS_MAP_NONE)
		return (enum step_kind)known;
	const enum step_kind kind = find_step_kind(builder, code);
	(void)address_map_set(&builder->step_kinds, code, kind);
	return kind;
}

static bool note(struct task_builder *builder, uint32_t row, uint64_t object)
{
	return object == 0 || array_push(&builder->waits, (struct task_awaited){ row, object });
}

/* The items of a container are looked at when the edges are: all of them are in it. */
bool task_edges_note(struct task_builder *builder, uint32_t row, const struct future *task)
{
	struct decoder *decoder = builder->decoder;
	bool done = note(builder, row, task->waiter);
	for (size_t i = 0; done && i < builder->chain.steps.count; i++) {
		const struct await_step *step = &builder->chain.steps.items[i];
		if (step->state != AWAITABLE_SUSPENDED)
			continue;
		switch (step_kind(builder, step->frame.code)) {
		case STEP_WAIT:
			done = note(builder, row, frame_local(decoder, &step->frame, "fs"));
			break;
		case STEP_WAIT_FOR:
			done = note(builder, row, frame_local(decoder, &step->frame, "fut"));
			break;
		case STEP_TASK_GROUP:
			done = note(builder, row,
			            value_attribute(&decoder->objects, frame_self(decoder, &step->frame), "_tasks"));
			break;
		case STEP_OTHER:
			break;
		}
	}
	return done;
}

static int compare_edges(const void *left_edge, const void *right_edge)
{
	const struct task_edge *left = left_edge, *right = right_edge;
	if (left->from != right->from)
		return left->from < right->from ? -1 : 1;
	return left->to < right->to ? -1 : left->to > right->to;
}

static int sort_edges(struct task_builder *builder)
{
	struct tasks_answer *tasks = builder->tasks;
	size_t kept = 0;
	if (sort_items(tasks->edges.items, tasks->edges.count, sizeof *tasks->edges.items, compare_edges,
	               builder->progress) < 0)
		return progress_cancelled(builder->error);
	for (size_t i = 0; i < tasks->edges.count; i++)
		if (kept == 0 || compare_edges(&tasks->edges.items[kept - 1], &tasks->edges.items[i]) != 0)
			tasks->edges.items[kept++] = tasks->edges.items[i];
	tasks->edges.count = kept;
	return OK;
}

/* A future, or a list or set of them. */
static void add_wait(struct edge_finder *finder, const struct task_awaited *wait)
{
	finder->from = wait->row;
	finder->queue.count = 0;
	if (awaitable_is_future(awaitable_kind(finder->builder->decoder, wait->object)))
		queue_future(finder, wait->object);
	else
		queue_items(finder, wait->object);
	for (size_t i = 0; i < finder->queue.count; i++)
		look_at_future(finder, finder->queue.items[i]);
}

int task_edges_find(struct task_builder *builder)
{
	struct edge_finder finder = { .builder = builder };
	uint64_t steps = 0;
	int status = OK;
	for (size_t i = 0; status == OK && i < builder->waits.count; i++) {
		add_wait(&finder, &builder->waits.items[i]);
		if (finder.no_memory)
			status = error_set(builder->error, ERROR_NO_MEMORY, "out of memory for the tasks");
		else if (progress_look(builder->progress, &steps) < 0)
			status = progress_cancelled(builder->error);
	}
	array_free(&finder.queue);
	if (status == OK && !task_holders_find(builder))
		status = error_set(builder->error, ERROR_NO_MEMORY, "out of memory for the tasks");
	return status == OK ? sort_edges(builder) : status;
}

/* ---- Cycles ---- */

struct visit {
	uint32_t row, next; /* next: the edge to look at */
};

static bool add_cycle(struct tasks_answer *tasks, const struct visit *stack, size_t depth, uint32_t row)
{
	size_t begin = depth;
	while (begin > 0 && stack[begin - 1].row != row)
		begin--;
	for (size_t i = begin - 1; i < depth; i++)
		if (!array_push(&tasks->cycles, stack[i].row))
			return false;
	return array_push(&tasks->cycles, UINT32_MAX);
}

/* Depth first from one row; state: 0 not seen, 1 on the way here, 2 done. */
static bool visit_from(struct tasks_answer *tasks, uint32_t row, uint8_t *state, struct visit *stack)
{
	size_t depth = 0;
	stack[depth++] = (struct visit){ row, tasks_first_edge(tasks, row) };
	state[row] = 1;
	while (depth > 0) {
		struct visit *top = &stack[depth - 1];
		if (top->next >= tasks->edges.count || tasks->edges.items[top->next].from != top->row) {
			state[top->row] = 2;
			depth--;
			continue;
		}
		const uint32_t to = tasks->edges.items[top->next++].to;
		if (state[to] == 1 && !add_cycle(tasks, stack, depth, to))
			return false;
		if (state[to] != 0)
			continue;
		state[to] = 1;
		stack[depth++] = (struct visit){ to, tasks_first_edge(tasks, to) };
	}
	return true;
}

int task_cycles_find(struct task_builder *builder)
{
	struct tasks_answer *tasks = builder->tasks;
	uint8_t *state = calloc(tasks->rows.count + 1, 1);
	struct visit *stack = malloc((tasks->rows.count + 1) * sizeof *stack);
	bool done = state != NULL && stack != NULL;
	for (size_t i = 0; done && i < tasks->edges.count; i++)
		if (state[tasks->edges.items[i].from] == 0)
			done = visit_from(tasks, tasks->edges.items[i].from, state, stack);
	free(state);
	free(stack);
	return done ? OK : error_set(builder->error, ERROR_NO_MEMORY, "out of memory for the tasks");
}
