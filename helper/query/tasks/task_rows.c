/* SPDX-License-Identifier: MIT
 * Rows are made of what was found by type: tasks first, so that what they lead through is known, then the coroutines
 * and generators that nothing awaits. */
#include <string.h>

#include "base/bits.h"
#include "base/limits.h"
#include "decode/foreign.h"
#include "object/value.h"
#include "query/tasks/task_builder.h"
#include "query/tasks/uvloop_loop.h"

enum task_role { ROLE_NONE, ROLE_LOOP = AWAITABLE_FOREIGN_TASK + 1, ROLE_GREENLET };

static int no_memory(const struct task_builder *builder)
{
	return error_set(builder->error, ERROR_NO_MEMORY, "out of memory for the tasks");
}

uint8_t task_rows_classify(struct decoder *decoder, const struct type_info *type)
{
	if (type->foreign != NULL && type->foreign->places[PLACE_greenlet_pimpl].size != 0)
		return ROLE_GREENLET;
	const enum awaitable_kind kind = awaitable_kind_of_type(decoder, type);
	if (kind == AWAITABLE_COROUTINE || kind == AWAITABLE_GENERATOR || kind == AWAITABLE_ASYNC_GENERATOR ||
	    awaitable_is_future(kind))
		return (uint8_t)kind;
	for (unsigned i = 0; kind == AWAITABLE_NONE && type != NULL && i < LIMIT_TYPE_CHAIN; i++) {
		if (strcmp(type->name, "asyncio.base_events.BaseEventLoop") == 0 ||
		    strcmp(type->name, "uvloop.Loop") == 0 || strcmp(type->name, "uvloop.loop.Loop") == 0)
			return ROLE_LOOP;
		type = type->tp_base != 0 ? decode_type(decoder, type->tp_base) : NULL;
	}
	return ROLE_NONE;
}

static void mark_awaited(struct task_builder *builder, uint64_t object)
{
	const uint32_t node = object != 0 ? object_index_find(&builder->heap->graph->index, object) : UINT32_MAX;
	if (node != UINT32_MAX)
		bits_add(builder->awaited, node);
}

static bool is_awaited(const struct task_builder *builder, uint32_t node)
{
	return bits_has(builder->awaited, node);
}

static int follow(struct task_builder *builder, uint64_t object)
{
	if (!await_chain_follow(&builder->chain, builder->decoder, object))
		return no_memory(builder);
	for (size_t i = 0; i < builder->chain.steps.count; i++)
		mark_awaited(builder, builder->chain.steps.items[i].object);
	return OK;
}

static enum task_state state_of(const struct task_builder *builder, const struct future *task)
{
	switch (task->state) {
	case FUTURE_FINISHED:
		return task->exception != 0 ? TASK_FAILED : TASK_DONE;
	case FUTURE_CANCELLED:
		return TASK_CANCELLED;
	default:
		for (size_t i = 0; i < builder->chain.steps.count; i++)
			if (builder->chain.steps.items[i].state == AWAITABLE_RUNNING)
				return TASK_RUNNING;
		return TASK_PENDING;
	}
}

static uint64_t bytes_of(const struct task_builder *builder, uint64_t object)
{
	const uint32_t number = object != 0 ? retained_number(builder->heap, object) : UINT32_MAX;
	return number != UINT32_MAX ? builder->heap->bytes[number] : 0;
}

static int add_task(struct task_builder *builder, const struct instance *instance)
{
	struct future task;
	if (!future_read(builder->decoder, instance->address, instance->role, &task))
		return OK;
	TRY(follow(builder, task.coroutine));
	struct waited waited = { .wait = WAIT_NOTHING };
	if (task.state == FUTURE_PENDING) {
		waited = task_waits_for(&builder->library, &builder->chain, &task);
		task_pool_waited(builder, &waited);
	}
	uint32_t thread;
	TRY(task_running_follow(builder, &thread));
	const struct task_row row = { .address = instance->address,
		                      .name = task.name,
		                      .loop = task.loop,
		                      .state = (uint8_t)state_of(builder, &task),
		                      .must_cancel = task.must_cancel };
	TRY(task_builder_add(builder, &row, &waited));
	struct tasks_answer *tasks = builder->tasks;
	struct task_group *group = &tasks->groups.items[tasks->rows.items[tasks->rows.count - 1].group];
	if (task.state != FUTURE_PENDING)
		group->payload += bytes_of(builder, task.exception != 0 ? task.exception : task.result);
	group->not_retrieved += task.not_retrieved;
	if (group->count == 1)
		group->runs_in = thread;
	if (waited.wait == WAIT_EXECUTOR)
		task_pool_count(builder, group, waited.object);
	const uint32_t index = (uint32_t)tasks->rows.count - 1;
	if (row.state == TASK_PENDING && !task_edges_note(builder, index, &task))
		return no_memory(builder);
	if ((row.state == TASK_PENDING || row.state == TASK_RUNNING) && !task_holders_note(builder, index))
		return no_memory(builder);
	return OK;
}

/* The type of what alone keeps an object; 0: several things do, or a root. */
static uint64_t keeper_type(const struct task_builder *builder, uint64_t object)
{
	const uint32_t number = retained_number(builder->heap, object);
	uint32_t holder;
	if (number == UINT32_MAX)
		return 0;
	const uint64_t keeper = retained_node(builder->heap, builder->heap->dominators.idom[number], &holder);
	return keeper != 0 ? value_type(&builder->decoder->objects, keeper, NULL) : 0;
}

/* A future that is no task: one that something waits for is seen where that stands. */
static int add_future(struct task_builder *builder, const struct instance *instance)
{
	static const uint8_t states[] = { [FUTURE_PENDING] = TASK_FUTURE,
		                          [FUTURE_CANCELLED] = TASK_FUTURE_CANCELLED,
		                          [FUTURE_FINISHED] = TASK_FUTURE_DONE };
	struct tasks_answer *tasks = builder->tasks;
	struct callback_cursor cursor;
	struct future future;
	if (!future_read(builder->decoder, instance->address, instance->role, &future) ||
	    future.state == FUTURE_UNKNOWN)
		return OK;
	callback_cursor_init(&cursor, builder->decoder, &future);
	if (future.state == FUTURE_PENDING && callback_cursor_next(&cursor) != 0) {
		tasks->futures++;
		return OK;
	}
	struct task_row row = { .address = instance->address, .loop = future.loop, .state = states[future.state] };
	if (future.state == FUTURE_FINISHED && future.exception != 0)
		row.state = TASK_FUTURE_FAILED;
	const struct waited waited = { .wait = WAIT_NOTHING, .keeper_type = keeper_type(builder, instance->address) };
	builder->chain.steps.count = 0;
	builder->chain.truncated = false;
	TRY(task_builder_add(builder, &row, &waited));
	struct task_group *group = &tasks->groups.items[tasks->rows.items[tasks->rows.count - 1].group];
	group->payload += bytes_of(builder, future.exception != 0 ? future.exception : future.result);
	group->not_retrieved += future.not_retrieved;
	return OK;
}

static int add_greenlet(struct task_builder *builder, const struct instance *instance)
{
	const struct waited nothing = { .wait = WAIT_NOTHING };
	const struct task_row row = { .address = instance->address, .state = TASK_GREENLET };
	bool no_room = false;
	if (task_greenlet_chain(builder->decoder, instance->address, &builder->chain, &no_room))
		return task_builder_add(builder, &row, &nothing);
	return no_room ? no_memory(builder) : OK;
}

/* -1: unknown */
static int64_t length_of(struct decoder *decoder, uint64_t object)
{
	uint64_t count, items;
	if (object == 0)
		return -1;
	if (value_items(&decoder->objects, object, &count, &items))
		return (int64_t)count;
	if (value_is(&decoder->objects, object, TPFLAGS_DICT_SUBCLASS) &&
	    value_field(&decoder->objects, object, FIELD_PyDictObject_ma_used, &count))
		return (int64_t)count;
	const uint64_t type = value_type(&decoder->objects, object, NULL);
	if (type != 0 && value_type_derives(&decoder->objects, type, SYMBOL_PySet_Type, "set") &&
	    value_field(&decoder->objects, object, FIELD_PySetObject_used, &count))
		return (int64_t)count;
	/* A deque has its length where variable-size objects have theirs. */
	if (type != 0 && value_type_derives(&decoder->objects, type, -1, "collections.deque") &&
	    value_field(&decoder->objects, object, FIELD_PyVarObject_ob_size, &count))
		return (int64_t)count;
	return -1;
}

static int add_loop(struct task_builder *builder, const struct instance *instance)
{
	struct decoder *decoder = builder->decoder;
	struct object_reader *objects = &decoder->objects;
	const uint64_t selector = value_attribute(objects, instance->address, "_selector");
	struct uvloop_parts parts = { .ready = value_attribute(objects, instance->address, "_ready"),
		                      .timers = value_attribute(objects, instance->address, "_scheduled") };
	if (parts.ready == 0)
		(void)uvloop_read(decoder, instance->address, &parts);
	const struct loop_row row = {
		.address = instance->address,
		.ready = length_of(decoder, parts.ready),
		.timers = length_of(decoder, parts.timers),
		.descriptors = length_of(decoder, selector != 0 ? value_attribute(objects, selector, "_fd_to_key") : 0)
	};
	return array_push(&builder->tasks->loops, row) ? OK : no_memory(builder);
}

static int add_instance(struct task_builder *builder, const struct instance *instance)
{
	if (awaitable_is_task(instance->role))
		return add_task(builder, instance);
	switch (instance->role) {
	case ROLE_GREENLET:
		return add_greenlet(builder, instance);
	case ROLE_LOOP:
		return add_loop(builder, instance);
	case AWAITABLE_FUTURE:
	case AWAITABLE_PYTHON_FUTURE:
		return add_future(builder, instance);
	default:
		return OK;
	}
}

/* ---- Coroutines and generators that no task has ---- */

static bool is_generator(const struct instance *instance)
{
	return instance->role == AWAITABLE_COROUTINE || instance->role == AWAITABLE_GENERATOR ||
	       instance->role == AWAITABLE_ASYNC_GENERATOR;
}

static void mark_what_it_awaits(struct task_builder *builder, const struct instance *instance)
{
	struct python_frame frame;
	if (awaitable_frame(builder->decoder, instance->address, &frame) != AWAITABLE_SUSPENDED)
		return;
	uint64_t object =
	        awaitable_awaits(builder->decoder, instance->address, &frame, instance->role != AWAITABLE_COROUTINE);
	if (object == 0 || awaitable_skip_links(builder->decoder, &object) == AWAITABLE_NONE)
		return;
	const uint32_t node = object_index_find(&builder->heap->graph->index, object);
	if (node != UINT32_MAX && is_awaited(builder, node))
		mark_awaited(builder,
		             instance->address); /* it only runs a task's coroutine, as curio's _task_runner() */
	mark_awaited(builder, object);
}

static int add_free(struct task_builder *builder, const struct instance *instance)
{
	struct python_frame frame;
	struct task_row row = { .address = instance->address };
	const enum awaitable_state state = awaitable_frame(builder->decoder, instance->address, &frame);
	if (state == AWAITABLE_CREATED && instance->role == AWAITABLE_COROUTINE)
		row.state = TASK_NOT_AWAITED;
	else if (state != AWAITABLE_SUSPENDED)
		return OK;
	else
		row.state = instance->role == AWAITABLE_COROUTINE   ? TASK_COROUTINE
		            : instance->role == AWAITABLE_GENERATOR ? TASK_GENERATOR
		                                                    : TASK_ASYNC_GENERATOR;
	TRY(follow(builder, instance->address));
	struct waited waited = { .wait = WAIT_NOTHING };
	/* A generator in a plain yield waits for its caller. */
	if (instance->role == AWAITABLE_COROUTINE || builder->chain.last != 0)
		waited = task_waits_for(&builder->library, &builder->chain, NULL);
	return task_builder_add(builder, &row, &waited);
}

int task_rows_add(struct task_builder *builder)
{
	const instance_array *instances = &builder->instances;
	uint64_t steps = 0;
	int status = OK;
	for (size_t i = 0; status == OK && i < instances->count; i++) {
		status = add_instance(builder, &instances->items[i]);
		if (status == OK && progress_look(builder->progress, &steps) < 0)
			status = progress_cancelled(builder->error);
	}
	for (size_t i = 0; status == OK && i < instances->count; i++)
		if (is_generator(&instances->items[i]) && !is_awaited(builder, instances->items[i].node))
			mark_what_it_awaits(builder, &instances->items[i]);
	for (size_t i = 0; status == OK && i < instances->count; i++) {
		if (is_generator(&instances->items[i]) && !is_awaited(builder, instances->items[i].node))
			status = add_free(builder, &instances->items[i]);
		if (status == OK && progress_look(builder->progress, &steps) < 0)
			status = progress_cancelled(builder->error);
	}
	return status;
}
