/* SPDX-License-Identifier: MIT
 * Which tasks wait for which: a task awaits a task, a future of gather() or shield() that stands for some, or it stands
 * in a function of asyncio that keeps them in a local: TaskGroup.__aexit__, wait, wait_for (up to 3.11). */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/sort.h"
#include "object/value.h"
#include "query/tasks/task_builder.h"

struct edge_finder {
	struct task_builder *builder;
	uint32_t from;
	ARRAY(struct task_awaited) queue; /* futures that `from` waits for, and those behind them */
	bool no_memory;
};

static void queue_future(struct edge_finder *finder, uint64_t object, enum task_edge_kind kind)
{
	const struct task_awaited awaited = { finder->from, object, kind };
	if (object != 0 && finder->queue.count < LIMIT_CALLBACKS && !array_push(&finder->queue, awaited))
		finder->no_memory = true;
}

/* All that a list, set or tuple of futures holds. */
static void queue_items(struct edge_finder *finder, uint64_t container, enum task_edge_kind kind)
{
	struct decoder *decoder = finder->builder->decoder;
	if (container == 0 || !decode_object(decoder, container))
		return;
	for (size_t i = 0; i < decoder->out.runs.count; i++) {
		const struct run *run = &decoder->out.runs.items[i];
		for (uint64_t k = 0; (run->flags & RUN_ITEM) && k < run->count; k++)
			queue_future(finder, run_target(run, k), kind);
	}
}

static void look_at_future(struct edge_finder *finder, const struct task_awaited *awaited)
{
	struct decoder *decoder = finder->builder->decoder;
	struct tasks_answer *tasks = finder->builder->tasks;
	const enum awaitable_kind kind = awaitable_kind(decoder, awaited->object);
	struct future future;
	uint64_t inner;
	if (awaitable_is_task(kind)) {
		const struct task_edge edge = { finder->from, tasks_row(tasks, awaited->object), awaited->kind };
		/* What has ended is not waited for any more. */
		if (edge.to != UINT32_MAX && tasks->rows.items[edge.to].state <= TASK_RUNNING &&
		    !array_push(&tasks->edges, edge))
			finder->no_memory = true;
		return;
	}
	if (!future_read(decoder, awaited->object, kind, &future) || future.state != FUTURE_PENDING)
		return;
	const enum future_role role = future_role(decoder, &future, &inner);
	if (role == FUTURE_GATHER)
		queue_items(finder, inner, EDGE_GATHER);
	else if (role == FUTURE_SHIELD)
		queue_future(finder, inner, EDGE_SHIELD);
}

/* ---- What the steps of a chain say ---- */

/* A function of a library that keeps what it waits for in a local, or in an attribute of self. */
static const struct waiting_step {
	const char *name, *package; /* package: of the library; NULL: several have it */
	const char *local, *attribute;
	enum task_edge_kind kind;
} waiting_steps[] = {
	{ "wait", "asyncio", "fs", NULL, EDGE_WAIT },
	{ "_wait", "asyncio", "fs", NULL, EDGE_WAIT },
	{ "wait_for", "asyncio", "fut", NULL, EDGE_WAIT_FOR },
	{ "_wait_for_one", "asyncio", NULL, "_todo", EDGE_WAIT }, /* as_completed(), 3.13 and later */
	{ "_wait_for_one", "asyncio", "done", NULL, EDGE_COMPLETED }, /* before, a queue: task_completed.c */
	{ "__aexit__", NULL, NULL, "_tasks", EDGE_GROUP },
	{ "_aexit", NULL, NULL, "_tasks", EDGE_GROUP },
	{ "_nested_child_finished", "trio", NULL, "_children", EDGE_NURSERY },
	{ "join", "curio", NULL, "_running", EDGE_GROUP },
	{ "wait", "curio", "self", NULL, EDGE_AWAITS },
};
enum { WAITING_STEPS = sizeof waiting_steps / sizeof waiting_steps[0] };

static bool is_of_package(struct decoder *decoder, uint64_t code, const char *package)
{
	struct text file = { .bytes = NULL }, folder = { .bytes = NULL };
	uint64_t name;
	text_format(&folder, "/%s/", package);
	const bool found = value_field(&decoder->objects, code, FIELD_PyCodeObject_co_filename, &name) &&
	                   value_str(&decoder->objects, name, LIMIT_FILE_NAME, &file) >= 0 &&
	                   strstr(text_string(&file), text_string(&folder)) != NULL;
	text_free(&file);
	text_free(&folder);
	return found;
}

/* Which of waiting_steps a code object is, as bits. */
static uint32_t find_steps(struct task_builder *builder, uint64_t code)
{
	uint32_t found = 0;
	for (uint32_t i = 0; library_has(&builder->library, code) && i < WAITING_STEPS; i++)
		if (code_is_named(builder->decoder, code, waiting_steps[i].name) &&
		    (waiting_steps[i].package == NULL ||
		     is_of_package(builder->decoder, code, waiting_steps[i].package)))
			found |= UINT32_C(1) << i;
	return found;
}

static uint32_t steps_of_code(struct task_builder *builder, uint64_t code)
{
	uint32_t known = address_map_get(&builder->step_kinds, code);
	if (known == ADDRESS_MAP_NONE) {
		known = find_steps(builder, code);
		(void)address_map_set(&builder->step_kinds, code, known);
	}
	return known;
}

static bool note(struct task_builder *builder, uint32_t row, uint64_t object, enum task_edge_kind kind)
{
	return object == 0 || array_push(&builder->waits, (struct task_awaited){ row, object, kind });
}

static bool note_step(struct task_builder *builder, uint32_t row, const struct python_frame *frame,
                      const struct waiting_step *step)
{
	struct decoder *decoder = builder->decoder;
	uint64_t object = 0;
	if (step->attribute != NULL)
		object = value_attribute(&decoder->objects, frame_self(decoder, frame), step->attribute);
	else
		object = frame_local(decoder, frame, step->local);
	return note(builder, row, object, step->kind);
}

/* The items of a container are looked at when the edges are: all of them are in it. */
bool task_edges_note(struct task_builder *builder, uint32_t row, const struct future *task)
{
	bool done = note(builder, row, task->waiter, EDGE_AWAITS);
	for (size_t i = 0; done && i < builder->chain.steps.count; i++) {
		const struct await_step *step = &builder->chain.steps.items[i];
		if (step->state != AWAITABLE_SUSPENDED)
			continue;
		const uint32_t found = steps_of_code(builder, step->frame.code);
		for (uint32_t k = 0; done && found >> k != 0; k++)
			if (found >> k & 1)
				done = note_step(builder, row, &step->frame, &waiting_steps[k]);
	}
	return done;
}

/* Of two edges between the same the one that says more comes first. */
static int compare_edges(const void *left_edge, const void *right_edge)
{
	const struct task_edge *left = left_edge, *right = right_edge;
	if (left->from != right->from)
		return left->from < right->from ? -1 : 1;
	if (left->to != right->to)
		return left->to < right->to ? -1 : 1;
	return left->kind > right->kind ? -1 : left->kind < right->kind;
}

static bool is_same_way(const struct task_edge *left, const struct task_edge *right)
{
	return left->from == right->from && left->to == right->to;
}

static int sort_edges(struct task_builder *builder)
{
	struct tasks_answer *tasks = builder->tasks;
	size_t kept = 0;
	if (sort_items(tasks->edges.items, tasks->edges.count, sizeof *tasks->edges.items, compare_edges,
	               builder->progress) < 0)
		return progress_cancelled(builder->error);
	for (size_t i = 0; i < tasks->edges.count; i++)
		if (kept == 0 || !is_same_way(&tasks->edges.items[kept - 1], &tasks->edges.items[i]))
			tasks->edges.items[kept++] = tasks->edges.items[i];
	tasks->edges.count = kept;
	return OK;
}

/* A future, or a list or set of them. */
static void add_wait(struct edge_finder *finder, const struct task_awaited *wait)
{
	finder->from = wait->row;
	finder->queue.count = 0;
	if (wait->kind == EDGE_COMPLETED)
		return;
	if (awaitable_is_future(awaitable_kind(finder->builder->decoder, wait->object)))
		queue_future(finder, wait->object, wait->kind);
	else
		queue_items(finder, wait->object, wait->kind);
	for (size_t i = 0; i < finder->queue.count; i++) {
		const struct task_awaited awaited = finder->queue.items[i]; /* the queue grows meanwhile */
		look_at_future(finder, &awaited);
	}
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
	if (status == OK && (!task_completed_find(builder) || !task_holders_find(builder)))
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
