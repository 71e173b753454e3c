/* SPDX-License-Identifier: MIT */
#include "query/tasks/tasks.h"

#include <stdlib.h>

#include "base/sort.h"
#include "query/tasks/task_builder.h"
#include "query/holders/mention.h"

const char *task_state_name(enum task_state state)
{
	static const char *const names[] = {
		[TASK_PENDING] = "pending",
		[TASK_RUNNING] = "running",
		[TASK_DONE] = "done",
		[TASK_FAILED] = "failed",
		[TASK_CANCELLED] = "cancelled",
		[TASK_COROUTINE] = "suspended coroutine",
		[TASK_GREENLET] = "greenlet",
		[TASK_NOT_AWAITED] = "never awaited",
		[TASK_GENERATOR] = "generator",
		[TASK_ASYNC_GENERATOR] = "async generator",
		[TASK_FUTURE] = "pending future",
		[TASK_FUTURE_DONE] = "done future",
		[TASK_FUTURE_FAILED] = "failed future",
		[TASK_FUTURE_CANCELLED] = "cancelled future",
	};
	return names[state];
}

const char *task_edge_name(enum task_edge_kind kind)
{
	static const char *const names[] = {
		[EDGE_AWAITS] = "await",      [EDGE_GATHER] = "gather",   [EDGE_SHIELD] = "shield",
		[EDGE_GROUP] = "TaskGroup",   [EDGE_NURSERY] = "nursery", [EDGE_WAIT] = "wait",
		[EDGE_WAIT_FOR] = "wait_for", [EDGE_LOCK] = "lock",       [EDGE_COMPLETED] = "as_completed",
	};
	return names[kind];
}

static int compare_rows(const void *left_row, const void *right_row)
{
	const struct task_row *left = left_row, *right = right_row;
	return left->address < right->address ? -1 : left->address > right->address;
}

/* What was noted of rows in the order in which they were found says where they are now. */
static int sort_rows(struct task_builder *builder)
{
	struct tasks_answer *tasks = builder->tasks;
	const size_t count = tasks->rows.count;
	uint32_t *place = malloc((count + 1) * sizeof *place);
	if (place == NULL)
		return error_set(builder->error, ERROR_NO_MEMORY, "out of memory for the tasks");
	if (sort_items(tasks->rows.items, count, sizeof *tasks->rows.items, compare_rows, builder->progress) < 0) {
		free(place);
		return progress_cancelled(builder->error);
	}
	for (uint32_t i = 0; i < count; i++)
		place[tasks->rows.items[i].order] = i;
	for (size_t i = 0; i < builder->withs.count; i++)
		builder->withs.items[i].row = place[builder->withs.items[i].row];
	for (size_t i = 0; i < builder->takers.count; i++)
		builder->takers.items[i].row = place[builder->takers.items[i].row];
	for (size_t i = 0; i < builder->waits.count; i++)
		builder->waits.items[i].row = place[builder->waits.items[i].row];
	free(place);
	return OK;
}

static int find(struct task_builder *builder, const struct query *query)
{
	TRY(instances_find(&builder->instances, query, task_rows_classify));
	builder->awaited = calloc((size_t)builder->heap->graph->node_count / 8 + 1, 1);
	if (builder->awaited == NULL || !library_open(&builder->library, builder->decoder, task_libraries))
		return error_set(builder->error, ERROR_NO_MEMORY, "out of memory for the tasks");
	TRY(task_pool_read(builder));
	TRY(task_rows_add(builder));
	TRY(sort_rows(builder));
	TRY(task_groups_finish(builder));
	TRY(task_edges_find(builder));
	return task_cycles_find(builder);
}

/* What alone keeps each task that has ended. */
static void find_keepers(const struct task_builder *builder)
{
	const struct retained *heap = builder->heap;
	struct tasks_answer *tasks = builder->tasks;
	uint32_t holder;
	for (size_t i = 0; i < tasks->rows.count; i++) {
		struct task_row *row = &tasks->rows.items[i];
		if (row->number != UINT32_MAX && task_state_has_ended(tasks->groups.items[row->group].state))
			row->keeper = retained_node(heap, heap->dominators.idom[row->number], &holder);
	}
}

static int add_words(const struct query *query, const struct task_builder *builder, uint64_t count)
{
	struct tasks_answer *tasks = builder->tasks;
	struct naming *naming;
	bool failed = false;
	if (count == 0 || tasks->groups.count == 0)
		return OK;
	TRY(naming_open(&naming, query, builder->heap));
	for (size_t i = 0; i < tasks->groups.count && i < count; i++) {
		struct task_group *group = &tasks->groups.items[i];
		naming_prefer_globals(naming, true);
		/* A task has a name, and what gather() and shield() made is nobody's. */
		if (group->wait_object != 0 && group->wait != WAIT_TASK && group->wait != WAIT_GATHER &&
		    group->wait != WAIT_SHIELD)
			mention_object(query, naming, group->wait_object, &group->wait_words);
		naming_prefer_globals(naming, false);
		if (task_state_has_ended(group->state) || group->state == TASK_FUTURE)
			(void)mention_keeper(query, naming, group->keeper, &group->kept_by);
		failed |= group->wait_words.failed || group->kept_by.failed;
	}
	naming_close(naming);
	return failed ? query_no_memory(query, "the tasks") : OK;
}

int query_tasks(const struct query *query, uint64_t with_words, struct tasks_answer *ret_answer)
{
	struct task_builder builder = { .tasks = ret_answer,
		                        .target = query->target,
		                        .decoder = &query->target->naming,
		                        .progress = query->progress,
		                        .error = query->error };
	*ret_answer = (struct tasks_answer){ .futures = 0 };
	TRY(query_heap(query, &builder.heap));
	ret_answer->coverage = builder.heap->graph->coverage;
	with_blocks_open(&builder.blocks, builder.decoder, "__aexit__");
	int status = find(&builder, query);
	if (status == OK) {
		find_keepers(&builder);
		status = add_words(query, &builder, with_words);
	}
	library_close(&builder.library);
	array_free(&builder.instances);
	array_free(&builder.withs);
	array_free(&builder.waits);
	address_map_clear(&builder.step_kinds);
	address_map_clear(&builder.taking_codes);
	array_free(&builder.takers);
	await_chain_clear(&builder.chain);
	free(builder.awaited);
	free(builder.slots);
	return status;
}

void tasks_answer_clear(struct tasks_answer *tasks)
{
	for (size_t i = 0; i < tasks->groups.count; i++) {
		array_free(&tasks->groups.items[i].chain);
		text_free(&tasks->groups.items[i].wait_words);
		text_free(&tasks->groups.items[i].kept_by);
	}
	array_free(&tasks->groups);
	array_free(&tasks->rows);
	array_free(&tasks->edges);
	array_free(&tasks->loops);
	array_free(&tasks->works);
	array_free(&tasks->cycles);
}
