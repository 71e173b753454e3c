/* SPDX-License-Identifier: MIT
 * as_completed() up to 3.12 (Lib/asyncio/tasks.py): what is awaited is a function's wait for its queue `done`. The
 * tasks that are not done have a callback that puts them there, a closure over the same queue. */
#include <stdlib.h>

#include "query/tasks/task_builder.h"

/* A task, and the queue that it is put into when it is done. */
struct completed {
	uint64_t queue;
	uint32_t row;
};

typedef ARRAY(struct completed) completed_array;

static bool add_row(struct task_builder *builder, uint32_t row, completed_array *completed)
{
	struct decoder *decoder = builder->decoder;
	const uint64_t task = builder->tasks->rows.items[row].address;
	struct callback_cursor cursor;
	struct future future;
	uint64_t callback;
	bool done = true;
	if (builder->tasks->rows.items[row].state > TASK_RUNNING ||
	    !future_read(decoder, task, awaitable_kind(decoder, task), &future))
		return true;
	callback_cursor_init(&cursor, decoder, &future);
	while (done && (callback = callback_cursor_next(&cursor)) != 0) {
		if (!function_is_named(decoder, callback, "_on_completion"))
			continue;
		const uint64_t queue = function_free_variable(decoder, callback, "done");
		done = queue == 0 || array_push(completed, (struct completed){ queue, row });
	}
	return done;
}

static int compare(const void *left_item, const void *right_item)
{
	const struct completed *left = left_item, *right = right_item;
	if (left->queue != right->queue)
		return left->queue < right->queue ? -1 : 1;
	return left->row < right->row ? -1 : left->row > right->row;
}

static bool add_edges(struct task_builder *builder, const struct task_awaited *wait, const completed_array *completed)
{
	bool done = true;
	for (size_t i = array_first_not_below(completed, queue, wait->object);
	     done && i < completed->count && completed->items[i].queue == wait->object; i++)
		done = array_push(&builder->tasks->edges,
		                  (struct task_edge){ wait->row, completed->items[i].row, EDGE_WAIT });
	return done;
}

bool task_completed_find(struct task_builder *builder)
{
	completed_array completed = { .items = NULL };
	bool done = true, is_asked = false;
	for (size_t i = 0; i < builder->waits.count && !is_asked; i++)
		is_asked = builder->waits.items[i].kind == EDGE_COMPLETED;
	for (uint32_t i = 0; done && is_asked && i < builder->tasks->rows.count; i++)
		done = add_row(builder, i, &completed);
	if (completed.count > 1)
		qsort(completed.items, completed.count, sizeof *completed.items, compare);
	for (size_t i = 0; done && is_asked && i < builder->waits.count; i++)
		if (builder->waits.items[i].kind == EDGE_COMPLETED)
			done = add_edges(builder, &builder->waits.items[i], &completed);
	array_free(&completed);
	return done;
}
