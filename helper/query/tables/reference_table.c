/* SPDX-License-Identifier: MIT
 * Table reference: one row a word that holds a reference, by its source or its target. */
#include <stdlib.h>

#include "query/tables/open_tables.h"
#include "query/tables/edges.h"

struct table_cursor {
	struct tables *tables;
	struct decoder decoder; /* its own: the labels of a row are made while it stands */
	struct edge_cursor references;
	struct object_cursor addresses; /* of sources, where all or one are gone through */
	uint32_t next, end; /* numbers of objects; with a wanted target positions in its row of incoming edges */
	uint64_t source; /* address */
	uint32_t wanted; /* only references to this object; UINT32_MAX: to any */
	bool by_target, is_open; /* is_open: references has a source */
	uint32_t last_number; /* by_target: of the source before; one with several references has several edges */
	struct text label;
};

static int open_references(struct table_cursor **ret_cursor, struct tables *tables, const struct scan *scan)
{
	struct table_cursor *cursor = calloc(1, sizeof *cursor);
	*ret_cursor = cursor;
	if (cursor == NULL)
		return error_set(tables->query.error, ERROR_NO_MEMORY, "out of memory for a cursor over references");
	cursor->tables = tables;
	cursor->wanted = cursor->last_number = UINT32_MAX;
	decoder_init(&cursor->decoder, tables->query.target->context);
	cursor->decoder.skip_blocks = true;
	cursor->end = tables_object_count(tables);
	const bool has_key = scan->access == ACCESS_KEY;
	const uint32_t object = has_key ? tables_find(tables, (uint64_t)scan->key.integer) : 0;
	if (has_key && object == UINT32_MAX) {
		cursor->end = 0;
		return OK;
	}
	if (has_key && scan->column == REFERENCE_source) {
		cursor->next = object;
		cursor->end = object + 1;
	} else if (has_key && tables->heap->dominators.number[object] != UINT32_MAX) {
		const uint32_t number = tables->heap->dominators.number[object];
		cursor->by_target = true;
		cursor->wanted = object;
		cursor->next = tables->heap->dominators.incoming.first[number];
		cursor->end = tables->heap->dominators.incoming.first[number + 1];
	} else if (has_key) {
		cursor->wanted = object; /* garbage is in no row of the dominators: all sources are looked at */
	}
	if (!cursor->by_target && cursor->next < cursor->end)
		object_cursor_init_at(&cursor->addresses, &tables->heap->graph->index, cursor->next);
	return OK;
}

/* The next object that refers to something. False: there is none. */
static bool next_source(struct table_cursor *cursor)
{
	const struct retained *heap = cursor->tables->heap;
	while (cursor->next < cursor->end) {
		uint32_t object = cursor->next++;
		if (cursor->by_target) {
			const uint32_t number = heap->dominators.incoming.targets[object];
			object = heap->dominators.node[number];
			if (number == cursor->last_number || object >= heap->graph->index.count)
				continue; /* its references were all found at once; a holder has rows in table root */
			cursor->last_number = number;
			cursor->source = tables_address(cursor->tables, object);
		} else {
			cursor->source = object_cursor_next(&cursor->addresses);
		}
		edge_cursor_open(&cursor->references, heap, &cursor->decoder, object, cursor->source);
		return true;
	}
	return false;
}

static int next_reference(struct table_cursor *cursor)
{
	for (uint64_t step = 1;; step++) {
		TRY(tables_check(cursor->tables, step));
		if (cursor->is_open && edge_cursor_next(&cursor->references)) {
			if (cursor->wanted == UINT32_MAX || cursor->references.target == cursor->wanted)
				return 1;
			continue;
		}
		cursor->is_open = next_source(cursor);
		if (!cursor->is_open)
			return 0;
		if (cursor->decoder.out_of_memory)
			return error_set(cursor->tables->query.error, ERROR_NO_MEMORY, "out of memory for references");
		if ((cursor->next & 0xfff) == 0)
			TRY(tables_check(cursor->tables, 0));
	}
}

static int reference_cell(struct table_cursor *cursor, uint32_t column, struct cell *ret_cell)
{
	const struct edge_cursor *found = &cursor->references;
	switch (column) {
	case REFERENCE_source:
		*ret_cell = cell_integer(cursor->source);
		return OK;
	case REFERENCE_target:
		*ret_cell = cell_integer(run_target(found->found, found->index));
		return OK;
	case REFERENCE_kind:
		*ret_cell = cell_lasting(edge_kind_name(found->found));
		return OK;
	case REFERENCE_hidden:
		*ret_cell = cell_integer((found->found->flags & RUN_HIDDEN) != 0);
		return OK;
	default:
		text_reset(&cursor->label);
		names_label(&cursor->tables->query.target->naming, found->found, found->index,
		            &cursor->tables->query.names, &cursor->label);
		*ret_cell = cell_text(text_string(&cursor->label), cursor->label.length);
		return OK;
	}
}

static void close_references(struct table_cursor *cursor)
{
	if (cursor == NULL)
		return;
	decoder_clear(&cursor->decoder);
	text_free(&cursor->label);
	free(cursor);
}

static uint64_t estimate_references(struct tables *tables)
{
	return tables->heap->graph->edge_count + 1;
}

const struct heap_table_class reference_table = { open_references, next_reference, reference_cell, close_references,
	                                          estimate_references };
