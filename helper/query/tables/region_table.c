/* SPDX-License-Identifier: MIT
 * Table region: one row an interval of the address space, by owner, as `memory --regions` has them. */
#include <stdlib.h>

#include "query/tables/open_tables.h"

struct table_cursor {
	struct tables *tables;
	const struct memory_map *map; /* the target's */
	size_t next;
};

static int open_regions(struct table_cursor **ret_cursor, struct tables *tables, const struct scan *scan)
{
	(void)scan; /* there is one order */
	struct table_cursor *cursor = calloc(1, sizeof *cursor);
	*ret_cursor = cursor;
	if (cursor == NULL)
		return query_no_memory(&tables->query, "a cursor over regions");
	cursor->tables = tables;
	return target_memory(tables->query.target, tables->query.progress, &cursor->map, tables->query.error);
}

static int next_region(struct table_cursor *cursor)
{
	return cursor->next++ < cursor->map->regions.count;
}

static int region_cell(struct table_cursor *cursor, uint32_t column, struct cell *ret_cell)
{
	const struct region *region = &cursor->map->regions.items[cursor->next - 1];
	const struct address_space *space = cursor->tables->query.target->space;
	switch (column) {
	case REGION_COLUMN_start:
		*ret_cell = cell_address(region->start);
		return OK;
	case REGION_COLUMN_bytes:
		*ret_cell = cell_integer(region->end - region->start);
		return OK;
	case REGION_COLUMN_kind:
		*ret_cell = cell_lasting(region_kind_name((enum region_kind)region->kind));
		return OK;
	case REGION_COLUMN_file:
		if (region->kind == REGION_FILE)
			*ret_cell = cell_lasting(space->files.items[region->index].path);
		return OK;
	case REGION_COLUMN_thread:
		if (region->kind == REGION_STACK)
			*ret_cell = cell_integer((uint64_t)space->threads.items[region->index].tid);
		return OK;
	case REGION_COLUMN_writable:
		*ret_cell = cell_integer(region->is_writable);
		return OK;
	default:
		*ret_cell = cell_integer(region->is_present);
		return OK;
	}
}

static uint64_t estimate_regions(struct tables *tables)
{
	(void)tables;
	return 1024; /* an ordinary process */
}

const struct heap_table_class region_table = { open_regions, next_region, region_cell,
	                                       (void (*)(struct table_cursor *))free, estimate_regions };
