/* SPDX-License-Identifier: MIT
 * Table type: one row a class that an object has, by name. */
#include <stdlib.h>

#include "query/tables/open_tables.h"

struct table_cursor {
	struct tables *tables;
	uint32_t next; /* rank */
	const struct type_info *type;
	uint64_t count, shallow;
	bool is_summed;
};

static int open_types(struct table_cursor **ret_cursor, struct tables *tables, const struct scan *scan)
{
	(void)scan; /* the order of all scans is the name */
	struct table_cursor *cursor = calloc(1, sizeof *cursor);
	*ret_cursor = cursor;
	if (cursor == NULL)
		return error_set(tables->query.error, ERROR_NO_MEMORY, "out of memory for a cursor over types");
	cursor->tables = tables;
	return tables_by_type(tables);
}

static int next_type(struct table_cursor *cursor)
{
	const struct tables *tables = cursor->tables;
	while (cursor->next < tables->type_count) {
		const uint32_t rank = cursor->next++;
		cursor->count = tables->type_first[rank + 1] - tables->type_first[rank];
		cursor->is_summed = false;
		cursor->type = tables->query.target->context->types.items[tables->type_ranked[rank]];
		if (cursor->count > 0)
			return 1;
	}
	return 0;
}

static int sum_shallow(struct table_cursor *cursor)
{
	struct tables *tables = cursor->tables;
	const uint32_t rank = cursor->next - 1;
	cursor->shallow = 0;
	for (uint32_t i = tables->type_first[rank]; i < tables->type_first[rank + 1]; i++) {
		cursor->shallow += heap_graph_shallow(tables->heap->graph, tables->by_type[i]);
		TRY(tables_check(tables, i));
	}
	cursor->is_summed = true;
	return OK;
}

static int type_cell(struct table_cursor *cursor, uint32_t column, struct cell *ret_cell)
{
	const struct type_info *type = cursor->type;
	switch (column) {
	case TYPE_COLUMN_address:
		*ret_cell = cell_address(type->address);
		return OK;
	case TYPE_COLUMN_name:
		*ret_cell = cell_lasting(type->name);
		return OK;
	case TYPE_COLUMN_module:
		*ret_cell = cell_lasting(tables_module(cursor->tables, type));
		return OK;
	case TYPE_COLUMN_count:
		*ret_cell = cell_integer(cursor->count);
		return OK;
	case TYPE_COLUMN_shallow:
		if (!cursor->is_summed)
			TRY(sum_shallow(cursor));
		*ret_cell = cell_integer(cursor->shallow);
		return OK;
	case TYPE_COLUMN_base:
		*ret_cell = cell_address(type->tp_base);
		return OK;
	case TYPE_COLUMN_basicsize:
		*ret_cell = cell_integer((uint64_t)type->tp_basicsize);
		return OK;
	case TYPE_COLUMN_itemsize:
		*ret_cell = cell_integer((uint64_t)type->tp_itemsize);
		return OK;
	default:
		*ret_cell = cell_integer((type->flags & TYPE_IS_APPROXIMATE) != 0);
		return OK;
	}
}

static uint64_t estimate_types(struct tables *tables)
{
	return tables->query.target->context->types.count + 1;
}

const struct heap_table_class type_table = { open_types, next_type, type_cell, (void (*)(struct table_cursor *))free,
	                                     estimate_types };
