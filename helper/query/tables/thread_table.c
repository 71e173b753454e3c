/* SPDX-License-Identifier: MIT
 * Table thread: one row a Python thread, as the command `threads` finds them. */
#include <stdlib.h>

#include "query/tables/open_tables.h"
#include "query/threads/threads.h"

struct table_cursor {
	struct tables *tables;
	struct threads_answer answer;
	uint32_t *holders; /* by index in runtime->threads: its holder (graph/roots.h); UINT32_MAX */
	size_t next;
};

static int find_holders(struct table_cursor *cursor)
{
	const struct roots *roots = &cursor->tables->heap->graph->roots;
	const size_t count = cursor->tables->query.target->runtime->threads.count;
	cursor->holders = malloc((count + 1) * sizeof *cursor->holders);
	if (cursor->holders == NULL)
		return query_no_memory(&cursor->tables->query, "the threads");
	memset(cursor->holders, 0xff, (count + 1) * sizeof *cursor->holders);
	for (size_t i = 0; i < roots->holders.rows.count; i++) {
		const struct holder *holder = &roots->holders.rows.items[i];
		if (holder->kind == HOLDER_THREAD && holder->thread < count)
			cursor->holders[holder->thread] = holder->number;
	}
	return OK;
}

static int open_threads(struct table_cursor **ret_cursor, struct tables *tables, const struct scan *scan)
{
	(void)scan; /* there is one order */
	struct table_cursor *cursor = calloc(1, sizeof *cursor);
	*ret_cursor = cursor;
	if (cursor == NULL)
		return query_no_memory(&tables->query, "a cursor over threads");
	cursor->tables = tables;
	TRY(find_holders(cursor));
	return query_threads(&tables->query, false, &cursor->answer);
}

static int next_thread(struct table_cursor *cursor)
{
	return cursor->next++ < cursor->answer.rows.count;
}

static const struct python_thread *thread_of(const struct table_cursor *cursor, const struct thread_row *row)
{
	return &cursor->tables->query.target->runtime->threads.items[row->index];
}

/* What it waits for. */
static int wait_cell(const struct table_cursor *cursor, const struct thread_wait *wait, uint32_t column,
                     struct cell *ret_cell)
{
	if (wait->lock.kind == LOCK_NONE)
		return OK;
	if (column == THREAD_waits_for)
		*ret_cell = cell_lasting(lock_kind_name(wait->lock.kind));
	else if (column == THREAD_waits_address)
		*ret_cell = cell_address(wait->lock.address);
	else if (wait->owner != THREAD_NONE)
		*ret_cell = cell_integer(thread_of(cursor, &cursor->answer.rows.items[wait->owner])->native_id);
	return OK;
}

static struct cell retained_cell(const struct table_cursor *cursor, const struct thread_row *row)
{
	const struct retained *heap = cursor->tables->heap;
	const uint32_t holder = cursor->holders[row->index];
	const uint32_t number = holder != UINT32_MAX ? retained_holder_number(heap, holder) : UINT32_MAX;
	return number != UINT32_MAX ? cell_integer(heap->bytes[number]) : (struct cell){ .kind = CELL_NULL };
}

static int thread_cell(struct table_cursor *cursor, uint32_t column, struct cell *ret_cell)
{
	const struct thread_row *row = &cursor->answer.rows.items[cursor->next - 1];
	switch (column) {
	case THREAD_id:
		*ret_cell = cell_integer(thread_of(cursor, row)->native_id);
		return OK;
	case THREAD_name:
		if (row->name.length > 0)
			*ret_cell = cell_text(text_string(&row->name), row->name.length);
		return OK;
	case THREAD_address:
		*ret_cell = cell_address(thread_of(cursor, row)->address);
		return OK;
	case THREAD_interpreter:
		*ret_cell = (struct cell){ .kind = CELL_INTEGER, .integer = row->interpreter };
		return OK;
	case THREAD_daemon:
		if (row->is_known)
			*ret_cell = cell_integer(row->is_daemon);
		return OK;
	case THREAD_gil:
		*ret_cell = cell_lasting(gil_state_name(row->gil));
		return OK;
	case THREAD_holds:
		*ret_cell = cell_integer(row->holds.count);
		return OK;
	case THREAD_frames:
		*ret_cell = cell_integer(row->frames.count);
		return OK;
	case THREAD_retained:
		*ret_cell = retained_cell(cursor, row);
		return OK;
	default:
		return wait_cell(cursor, &row->wait, column, ret_cell);
	}
}

static void close_threads(struct table_cursor *cursor)
{
	if (cursor == NULL)
		return;
	threads_answer_clear(&cursor->answer);
	free(cursor->holders);
	free(cursor);
}

static uint64_t estimate_threads(struct tables *tables)
{
	return tables->query.target->runtime->threads.count + 1;
}

const struct heap_table_class thread_table = { open_threads, next_thread, thread_cell, close_threads,
	                                       estimate_threads };
