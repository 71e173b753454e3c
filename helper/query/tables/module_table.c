/* SPDX-License-Identifier: MIT
 * Table module: one row a module of sys.modules, as the command `modules` finds them. */
#include <stdlib.h>

#include "query/modules.h"
#include "query/tables/open_tables.h"

struct table_cursor {
	struct modules_answer answer;
	size_t next;
};

static int open_modules(struct table_cursor **ret_cursor, struct tables *tables, const struct scan *scan)
{
	(void)scan; /* there is one order */
	struct table_cursor *cursor = calloc(1, sizeof *cursor);
	*ret_cursor = cursor;
	if (cursor == NULL)
		return query_no_memory(&tables->query, "a cursor over modules");
	const struct modules_question question = { .limit = UINT64_MAX,
		                                   .order = MODULES_BY_RETAINED,
		                                   .skip_shared = true };
	return query_modules(&tables->query, &question, &cursor->answer);
}

static int next_module(struct table_cursor *cursor)
{
	return cursor->next++ < cursor->answer.rows.count;
}

static struct cell text_cell(const struct text *text)
{
	return cell_text(text_string(text), text->length);
}

static int module_cell(struct table_cursor *cursor, uint32_t column, struct cell *ret_cell)
{
	const struct module_row *row = &cursor->answer.rows.items[cursor->next - 1];
	switch (column) {
	case MODULE_name:
		*ret_cell = text_cell(&row->name);
		return OK;
	case MODULE_address:
		*ret_cell = cell_address(row->address);
		return OK;
	case MODULE_retained:
		*ret_cell = cell_integer(row->retained);
		return OK;
	case MODULE_deep:
		*ret_cell = cell_integer(row->deep);
		return OK;
	case MODULE_largest:
		if (row->largest != 0)
			*ret_cell = text_cell(&row->largest_name);
		return OK;
	case MODULE_largest_address:
		*ret_cell = cell_address(row->largest);
		return OK;
	default:
		if (row->largest != 0)
			*ret_cell = cell_integer(row->largest_retained);
		return OK;
	}
}

static void close_modules(struct table_cursor *cursor)
{
	if (cursor == NULL)
		return;
	modules_answer_clear(&cursor->answer);
	free(cursor);
}

static uint64_t estimate_modules(struct tables *tables)
{
	(void)tables;
	return 256; /* an ordinary program */
}

const struct heap_table_class module_table = { open_modules, next_module, module_cell, close_modules,
	                                       estimate_modules };
