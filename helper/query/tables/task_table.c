/* SPDX-License-Identifier: MIT
 * Table task: one row an asyncio task or what is like one, as the command `tasks` finds them. */
#include <stdlib.h>

#include "query/tables/open_tables.h"
#include "query/tasks/tasks.h"

struct table_cursor {
	struct tables *tables;
	struct tasks_answer answer;
	size_t next;
	struct text text;
};

static int open_tasks(struct table_cursor **ret_cursor, struct tables *tables, const struct scan *scan)
{
	(void)scan; /* there is one order */
	struct table_cursor *cursor = calloc(1, sizeof *cursor);
	*ret_cursor = cursor;
	if (cursor == NULL)
		return query_no_memory(&tables->query, "a cursor over tasks");
	cursor->tables = tables;
	return query_tasks(&tables->query, 0, &cursor->answer);
}

static int next_task(struct table_cursor *cursor)
{
	return cursor->next++ < cursor->answer.rows.count;
}

static void add_place(struct table_cursor *cursor, const struct task_place *place)
{
	struct decoder *decoder = &cursor->tables->query.target->naming;
	const struct python_frame frame = { .code = place->code,
		                            .last_instruction = place->instruction,
		                            .last_instruction_is_address = place->is_address };
	if (place->code != 0)
		names_place(decoder, &frame, &cursor->text);
	else
		names_describe(decoder, place->object, &cursor->tables->query.names, &cursor->text);
}

/* The steps from `first` on, or NULL where there are none. */
static struct cell chain_cell(struct table_cursor *cursor, const struct task_group *group, size_t first)
{
	text_reset(&cursor->text);
	for (size_t i = first; i < group->chain.count; i++) {
		text_add(&cursor->text, i > first ? " \xE2\x86\x92 " : "");
		add_place(cursor, &group->chain.items[i]);
	}
	return cursor->text.length > 0 ? cell_text(text_string(&cursor->text), cursor->text.length)
	                               : (struct cell){ .kind = CELL_NULL };
}

static struct cell name_cell(struct table_cursor *cursor, uint64_t name)
{
	text_reset(&cursor->text);
	if (!future_add_name(&cursor->tables->query.target->naming.objects, name, &cursor->text))
		return (struct cell){ .kind = CELL_NULL };
	return cell_text(text_string(&cursor->text), cursor->text.length);
}

static int task_cell(struct table_cursor *cursor, uint32_t column, struct cell *ret_cell)
{
	const struct task_row *row = &cursor->answer.rows.items[cursor->next - 1];
	const struct task_group *group = &cursor->answer.groups.items[row->group];
	switch (column) {
	case TASK_COLUMN_address:
		*ret_cell = cell_address(row->address);
		return OK;
	case TASK_COLUMN_name:
		*ret_cell = name_cell(cursor, row->name);
		return OK;
	case TASK_COLUMN_state:
		*ret_cell = cell_lasting(task_state_name((enum task_state)row->state));
		return OK;
	case TASK_COLUMN_number:
		*ret_cell = cell_integer(row->group);
		return OK;
	case TASK_COLUMN_place:
		*ret_cell = chain_cell(cursor, group, group->chain.count > 0 ? group->chain.count - 1 : 0);
		return OK;
	case TASK_COLUMN_chain:
		*ret_cell = chain_cell(cursor, group, 0);
		return OK;
	case TASK_COLUMN_waits_for:
		*ret_cell = cell_address(row->wait_object);
		return OK;
	case TASK_COLUMN_retained:
		*ret_cell = cell_integer(row->retained);
		return OK;
	default:
		*ret_cell = cell_integer(row->must_cancel);
		return OK;
	}
}

static void close_tasks(struct table_cursor *cursor)
{
	if (cursor == NULL)
		return;
	tasks_answer_clear(&cursor->answer);
	text_free(&cursor->text);
	free(cursor);
}

static uint64_t estimate_tasks(struct tables *tables)
{
	(void)tables;
	return 1024;
}

const struct heap_table_class task_table = { open_tasks, next_task, task_cell, close_tasks, estimate_tasks };
