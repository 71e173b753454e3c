/* SPDX-License-Identifier: MIT
 * Table target: what the process is, a key and a value a row. */
#include <stdio.h>
#include <stdlib.h>

#include "query/tables/open_tables.h"

enum { PAIRS = 8, NUMBER_BYTES = 24 };

struct table_cursor {
	struct {
		const char *key, *value; /* value NULL: not known, no row */
	} pairs[PAIRS];
	char numbers[PAIRS][NUMBER_BYTES];
	uint32_t count, next;
};

static void add(struct table_cursor *cursor, const char *key, const char *value)
{
	cursor->pairs[cursor->count].key = key;
	cursor->pairs[cursor->count++].value = value;
}

static void add_number(struct table_cursor *cursor, const char *key, uint64_t number)
{
	snprintf(cursor->numbers[cursor->count], NUMBER_BYTES, "%llu", (unsigned long long)number);
	add(cursor, key, cursor->numbers[cursor->count]);
}

static int open_target(struct table_cursor **ret_cursor, struct tables *tables, const struct scan *scan)
{
	(void)scan; /* there is one order */
	struct table_cursor *cursor = calloc(1, sizeof *cursor);
	*ret_cursor = cursor;
	if (cursor == NULL)
		return error_set(tables->query.error, ERROR_NO_MEMORY, "out of memory for a cursor over the target");
	add(cursor, "schema", "pydeepsize/tables/1");
	add(cursor, "python", tables->query.target->runtime->version_text);
	add(cursor, "build", tables->query.target->runtime->build_text);
	add_number(cursor, "objects", tables->heap->object_count);
	add_number(cursor, "shallow", tables->heap->total);
	add_number(cursor, "unreachable", tables->heap->unreachable_count);
	add_number(cursor, "references", tables->heap->graph->edge_count);
	add(cursor, "exact", coverage_is_exact(&tables->heap->graph->coverage) ? "1" : "0");
	return OK;
}

static int next_pair(struct table_cursor *cursor)
{
	return cursor->next++ < cursor->count;
}

static int target_cell(struct table_cursor *cursor, uint32_t column, struct cell *ret_cell)
{
	const uint32_t at = cursor->next - 1;
	*ret_cell = cell_lasting(column == TARGET_key ? cursor->pairs[at].key : cursor->pairs[at].value);
	ret_cell->is_lasting = false; /* numbers are the cursor's */
	return OK;
}

static uint64_t estimate_pairs(struct tables *tables)
{
	(void)tables;
	return PAIRS;
}

const struct heap_table_class target_table = { open_target, next_pair, target_cell,
	                                       (void (*)(struct table_cursor *))free, estimate_pairs };
