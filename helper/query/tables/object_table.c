/* SPDX-License-Identifier: MIT
 * Table object: one row an object, by address or by type. */
#include <stdlib.h>

#include "decode/reference_count.h"
#include "object/value.h"
#include "query/tables/content.h"
#include "query/tables/open_tables.h"
#include "runtime/gc_lists.h"

struct table_cursor {
	struct tables *tables;
	const uint32_t *order; /* the next rows in tables->by_type; NULL: ascending addresses */
	struct object_cursor addresses; /* where there is no order */
	uint32_t next, end; /* positions in order, or numbers of objects */
	uint32_t object; /* of this row */
	uint64_t address; /* of this row */
	uint32_t dominator; /* the last one, by number of the tree; UINT32_MAX: none */
	uint64_t dominator_address;
	uint32_t content_of; /* the object that content is of; UINT32_MAX: none */
	bool has_content;
	struct value_content content;
};

static int open_objects(struct table_cursor **ret_cursor, struct tables *tables, const struct scan *scan)
{
	struct table_cursor *cursor = calloc(1, sizeof *cursor);
	*ret_cursor = cursor;
	if (cursor == NULL)
		return error_set(tables->query.error, ERROR_NO_MEMORY, "out of memory for a cursor over objects");
	cursor->tables = tables;
	cursor->content_of = cursor->dominator = UINT32_MAX;
	cursor->end = tables_object_count(tables);
	TRY(tables_types(tables));
	if (scan->access != ACCESS_ALL && scan->column == OBJECT_type) {
		TRY(tables_by_type(tables));
		cursor->order = tables->by_type;
		cursor->end = tables->type_first[tables->type_count];
		if (scan->access == ACCESS_KEY &&
		    !tables_type_range(tables, scan->key.text, scan->key.length, &cursor->next, &cursor->end))
			cursor->end = cursor->next;
		return OK;
	}
	if (scan->access == ACCESS_KEY) {
		const uint32_t object = tables_find(tables, (uint64_t)scan->key.integer);
		cursor->next = object == UINT32_MAX ? cursor->end : object;
		cursor->end = object == UINT32_MAX ? cursor->end : object + 1;
	}
	if (cursor->next < cursor->end)
		object_cursor_init_at(&cursor->addresses, &tables->heap->graph->index, cursor->next);
	return OK;
}

static int next_object(struct table_cursor *cursor)
{
	if (cursor->next >= cursor->end)
		return 0;
	TRY(tables_check(cursor->tables, cursor->next));
	if (cursor->order != NULL) {
		cursor->object = cursor->order[cursor->next++];
		cursor->address = 0; /* when asked for */
	} else {
		cursor->object = cursor->next++;
		cursor->address = object_cursor_next(&cursor->addresses);
	}
	return 1;
}

static uint64_t object_address(struct table_cursor *cursor)
{
	if (cursor->address == 0)
		cursor->address = tables_address(cursor->tables, cursor->object);
	return cursor->address;
}

/* Neighbours often have one dominator: finding its address takes longer than all else of a row. */
static struct cell object_dominator(struct table_cursor *cursor, uint32_t number)
{
	const struct tables *tables = cursor->tables;
	if (number == UINT32_MAX)
		return (struct cell){ .kind = CELL_NULL };
	const uint32_t dominator = tables->heap->dominators.idom[number];
	if (dominator != cursor->dominator) {
		uint32_t holder;
		cursor->dominator = dominator;
		cursor->dominator_address = retained_node(tables->heap, dominator, &holder);
	}
	return cell_address(cursor->dominator_address);
}

static struct cell object_count(struct table_cursor *cursor)
{
	struct reference_count count;
	if (!reference_count_read(&cursor->tables->query.target->naming, object_address(cursor), &count) ||
	    (!count.is_known && !count.is_immortal))
		return (struct cell){ .kind = CELL_NULL };
	return (struct cell){ .kind = CELL_INTEGER, .integer = count.is_immortal ? -1 : count.count };
}

static int object_generation(const struct table_cursor *cursor, struct cell *ret_cell)
{
	TRY(tables_generations(cursor->tables));
	const uint8_t generation = cursor->tables->generations[cursor->object];
	if (generation < GC_GENERATIONS)
		*ret_cell = cell_integer(generation);
	return OK;
}

/* What needs the graph only. False: it is another column. */
static bool cell_of_graph(struct table_cursor *cursor, uint32_t column, struct cell *ret_cell)
{
	const struct tables *tables = cursor->tables;
	const struct retained *heap = tables->heap;
	const uint32_t number = heap->dominators.number[cursor->object];
	switch (column) {
	case OBJECT_address:
		*ret_cell = cell_integer(object_address(cursor));
		return true;
	case OBJECT_shallow:
		*ret_cell = cell_integer(heap_graph_shallow(heap->graph, cursor->object));
		return true;
	case OBJECT_retained:
		if (number != UINT32_MAX)
			*ret_cell = cell_integer(heap->bytes[number]);
		return true;
	case OBJECT_dominator:
		*ret_cell = object_dominator(cursor, number);
		return true;
	case OBJECT_reachable:
		*ret_cell = cell_integer(number != UINT32_MAX);
		return true;
	default:
		return false;
	}
}

static int cell_of_type(struct table_cursor *cursor, uint32_t column, struct cell *ret_cell)
{
	const struct type_info *type = tables_type(cursor->tables, cursor->object);
	if (type == NULL)
		return OK;
	switch (column) {
	case OBJECT_type:
		*ret_cell = cell_lasting(type->name);
		return OK;
	case OBJECT_module:
		*ret_cell = cell_lasting(tables_module(cursor->tables, type));
		return OK;
	case OBJECT_class:
		*ret_cell = cell_address(type->address);
		return OK;
	default:
		*ret_cell = cell_integer((type->flags & TYPE_IS_APPROXIMATE) != 0);
		return OK;
	}
}

/* What a str or bytes of this row has; false: it cannot be read. */
static bool row_content(struct table_cursor *cursor)
{
	if (cursor->content_of != cursor->object) {
		cursor->content_of = cursor->object;
		cursor->has_content = value_content(&cursor->tables->query.target->naming.objects,
		                                    object_address(cursor), &cursor->content);
	}
	return cursor->has_content;
}

/* Length and content, of classes whose instances have them. */
static struct cell content_cell(struct table_cursor *cursor, uint32_t column)
{
	struct tables *tables = cursor->tables;
	struct object_reader *objects = &tables->query.target->naming.objects;
	const struct type_info *type = tables_type(tables, cursor->object);
	const uint8_t kind = type != NULL ? tables_content_kind(tables, type) : CONTENT_NONE;
	uint64_t number = 0;
	bool is_known = false;
	if (column == OBJECT_length && kind == CONTENT_ITEMS) {
		is_known = content_items(objects, object_address(cursor), type->tp_flags, &number);
	} else if (kind == CONTENT_TEXT && row_content(cursor)) {
		is_known = column == OBJECT_length ||
		           content_hash(objects, type->address, &cursor->content, tables->content_key, &number);
		number = column == OBJECT_length ? cursor->content.length : number;
	}
	return is_known ? cell_integer(number) : (struct cell){ .kind = CELL_NULL };
}

static int object_cell(struct table_cursor *cursor, uint32_t column, struct cell *ret_cell)
{
	struct tables *tables = cursor->tables;
	uint64_t native;
	if (cell_of_graph(cursor, column, ret_cell))
		return OK;
	switch (column) {
	case OBJECT_allocated:
		TRY(heap_graph_find_allocated(tables->heap->graph, tables->query.progress, tables->query.error));
		*ret_cell = cell_integer(heap_graph_allocated(tables->heap->graph, cursor->object));
		return OK;
	case OBJECT_native:
		TRY(target_weigh_native(tables->query.target, tables->query.progress, tables->query.error));
		native = heap_graph_bytes(tables->heap->graph, cursor->object, SIZE_NATIVE);
		if (native > 0)
			*ret_cell = cell_integer(native);
		return OK;
	case OBJECT_depth:
		TRY(tables_depths(tables));
		if (tables->heap->dominators.number[cursor->object] != UINT32_MAX)
			*ret_cell = cell_integer(tables->depths[tables->heap->dominators.number[cursor->object]]);
		return OK;
	case OBJECT_refcount:
		*ret_cell = object_count(cursor);
		return OK;
	case OBJECT_generation:
		return object_generation(cursor, ret_cell);
	case OBJECT_length:
	case OBJECT_content:
		*ret_cell = content_cell(cursor, column);
		return OK;
	case OBJECT_name:
		return tables_name(tables, object_address(cursor), ret_cell);
	default:
		return cell_of_type(cursor, column, ret_cell);
	}
}

static uint64_t estimate_objects(struct tables *tables)
{
	return (uint64_t)tables_object_count(tables) + 1;
}

const struct heap_table_class object_table = { open_objects, next_object, object_cell,
	                                       (void (*)(struct table_cursor *))free, estimate_objects };
