/* SPDX-License-Identifier: MIT
 * Table native_block: one row a block of malloc that is no Python object's, as the command `native` finds them. */
#include <stdlib.h>

#include "query/memory/native.h"
#include "query/tables/open_tables.h"

struct table_cursor {
	struct tables *tables;
	struct native_answer answer;
	size_t next;
};

static int open_blocks(struct table_cursor **ret_cursor, struct tables *tables, const struct scan *scan)
{
	(void)scan; /* there is one order */
	struct table_cursor *cursor = calloc(1, sizeof *cursor);
	*ret_cursor = cursor;
	if (cursor == NULL)
		return query_no_memory(&tables->query, "a cursor over native blocks");
	cursor->tables = tables;
	const struct native_question question = { .limit = UINT64_MAX }; /* names are made where they are asked for */
	return query_native(&tables->query, &question, &cursor->answer);
}

static int next_block(struct table_cursor *cursor)
{
	return cursor->next++ < cursor->answer.rows.count;
}

static int name_cell(const struct table_cursor *cursor, const struct native_row *row, struct cell *ret_cell)
{
	struct tables *tables = cursor->tables;
	if (row->block.holder == NATIVE_STATIC)
		*ret_cell = cell_lasting(tables->query.target->space->files.items[row->block.owner].path);
	else if (row->block.holder == NATIVE_OBJECT)
		return tables_name_number(tables, row->block.owner, ret_cell);
	return OK;
}

static int block_cell(struct table_cursor *cursor, uint32_t column, struct cell *ret_cell)
{
	const struct native_row *row = &cursor->answer.rows.items[cursor->next - 1];
	switch (column) {
	case NATIVE_BLOCK_address:
		*ret_cell = cell_address(row->block.address);
		return OK;
	case NATIVE_BLOCK_bytes:
		*ret_cell = cell_integer(native_block_bytes(&row->block));
		return OK;
	case NATIVE_BLOCK_owner:
		*ret_cell = cell_address(row->owner);
		return OK;
	case NATIVE_BLOCK_owner_type:
		*ret_cell = cell_lasting(row->type != NULL ? row->type->name : NULL);
		return OK;
	default:
		return name_cell(cursor, row, ret_cell);
	}
}

static void close_blocks(struct table_cursor *cursor)
{
	if (cursor == NULL)
		return;
	native_answer_clear(&cursor->answer);
	free(cursor);
}

static uint64_t estimate_blocks(struct tables *tables)
{
	(void)tables;
	return 4096;
}

const struct heap_table_class native_block_table = { open_blocks, next_block, block_cell, close_blocks,
	                                             estimate_blocks };
