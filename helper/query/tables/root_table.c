/* SPDX-License-Identifier: MIT
 * Table root: one row a reference from a holder (graph/roots.h) to an object. */
#include <stdlib.h>

#include "query/holders/holder.h"
#include "query/tables/open_tables.h"

struct table_cursor {
	struct tables *tables;
	uint32_t number; /* of the dominator tree: whose incoming edges are gone through */
	uint32_t edge; /* the next one of them */
	uint32_t holder; /* of this row: index in the roots */
	struct text name;
};

static int open_roots(struct table_cursor **ret_cursor, struct tables *tables, const struct scan *scan)
{
	(void)scan; /* there is one order */
	struct table_cursor *cursor = calloc(1, sizeof *cursor);
	*ret_cursor = cursor;
	if (cursor == NULL)
		return error_set(tables->query.error, ERROR_NO_MEMORY, "out of memory for a cursor over roots");
	cursor->tables = tables;
	return OK;
}

static int next_root(struct table_cursor *cursor)
{
	const struct retained *heap = cursor->tables->heap;
	const struct dominators *dominators = &heap->dominators;
	const uint32_t objects = heap->graph->index.count;
	for (; cursor->number < dominators->reached_count; cursor->number++) {
		TRY(tables_check(cursor->tables, cursor->number));
		if (dominators->node[cursor->number] >= objects)
			continue; /* holders hold holders */
		uint32_t edge = dominators->incoming.first[cursor->number];
		edge = cursor->edge > edge ? cursor->edge : edge;
		for (; edge < dominators->incoming.first[cursor->number + 1]; edge++) {
			const uint32_t source = dominators->node[dominators->incoming.targets[edge]];
			if (source < objects)
				continue;
			cursor->holder = source - objects;
			cursor->edge = edge + 1;
			return 1;
		}
	}
	return 0;
}

static int root_cell(struct table_cursor *cursor, uint32_t column, struct cell *ret_cell)
{
	struct tables *tables = cursor->tables;
	const struct holders *holders = &tables->heap->graph->roots.holders;
	uint32_t ignored;
	switch (column) {
	case ROOT_target:
		*ret_cell = cell_address(retained_node(tables->heap, cursor->number, &ignored));
		return OK;
	case ROOT_kind:
		*ret_cell = cell_lasting(holder_kind_name(holders_kind(holders, cursor->holder)));
		return OK;
	case ROOT_address:
		*ret_cell = cell_address(holders_at(holders, cursor->holder).address);
		return OK;
	default:
		text_reset(&cursor->name);
		tables_holder(tables, cursor->holder, &cursor->name);
		*ret_cell = cell_text(text_string(&cursor->name), cursor->name.length);
		return OK;
	}
}

static void close_roots(struct table_cursor *cursor)
{
	if (cursor == NULL)
		return;
	text_free(&cursor->name);
	free(cursor);
}

static uint64_t estimate_roots(struct tables *tables)
{
	return tables->heap->graph->roots.holders.count + 1;
}

const struct heap_table_class root_table = { open_roots, next_root, root_cell, close_roots, estimate_roots };
