/* SPDX-License-Identifier: MIT */
#include "query/memory/pinned.h"

#include <stdlib.h>

enum { SPARSE_SHARE = 10 }; /* percent of an arena in use */

static int compare_pinned(const void *left, const void *right)
{
	const struct pinned_type *a = left, *b = right;
	return query_compare_bytes(a->bytes, a->example, b->bytes, b->example);
}

/* By number of a type in its table, which grows while new types are met. */
struct by_type {
	ARRAY(uint32_t) rows; /* 1 + index in answer->pinned; 0: none */
};

static int note_object(const struct query *query, struct memory_answer *answer, struct by_type *by_type,
                       uint64_t object)
{
	const struct type_info *type = query_type(query, object);
	if (type == NULL)
		return OK;
	while (by_type->rows.count <= type->index)
		if (!array_push(&by_type->rows, 0))
			return query_no_memory(query, "the objects that pin arenas");
	if (by_type->rows.items[type->index] == 0) {
		if (!array_push(&answer->pinned, (struct pinned_type){ .type = type, .example = object }))
			return query_no_memory(query, "the objects that pin arenas");
		by_type->rows.items[type->index] = (uint32_t)answer->pinned.count;
	}
	struct pinned_type *row = &answer->pinned.items[by_type->rows.items[type->index] - 1];
	uint32_t inside;
	struct reader *reader = &query->target->naming.reader;
	const struct allocators *allocators = &query->target->context->allocators;
	row->count++;
	row->bytes += pymalloc_block_at(&allocators->pymalloc, allocators->layout, reader, object, &inside);
	return OK;
}

static int note_arena(const struct query *query, struct memory_answer *answer, struct by_type *by_type,
                      const struct pymalloc_arena *arena, uint64_t *steps)
{
	const struct heap_graph *graph = query->target->graph;
	struct reader *reader = &query->target->naming.reader;
	const struct segment *segment = reader_segment(reader, arena->first_pool);
	struct object_cursor cursor;
	if (segment == NULL || segment->data == NULL)
		return OK;
	object_cursor_init_at(&cursor, &graph->index,
	                      object_index_rank(&graph->index, segment_granule(segment, arena->first_pool)));
	for (uint64_t object; (object = object_cursor_next(&cursor)) != 0 && object < arena->end;) {
		if (object >= arena->first_pool)
			TRY(note_object(query, answer, by_type, object));
		if (progress_look(query->progress, steps) != OK)
			return query_cancelled(query);
	}
	return OK;
}

int pinned_find(const struct query *query, uint64_t limit, struct memory_answer *answer)
{
	const struct memory_map *map = answer->map;
	const struct pymalloc_arenas *arenas = &map->allocators->pymalloc;
	struct by_type by_type = { .rows = { .items = NULL } };
	uint64_t steps = 0;
	int status = OK;
	for (size_t i = 0; i < arenas->items.count && status == OK; i++) {
		const struct pymalloc_arena *arena = &arenas->items.items[i];
		const uint64_t bytes = arena->end - arena->start;
		if (map->arena_uses.items[i].used_bytes * 100 >= bytes * SPARSE_SHARE)
			continue;
		answer->sparse_arenas++;
		answer->sparse_bytes += bytes;
		status = note_arena(query, answer, &by_type, arena, &steps);
	}
	array_free(&by_type.rows);
	if (answer->pinned.count > 0)
		qsort(answer->pinned.items, answer->pinned.count, sizeof *answer->pinned.items, compare_pinned);
	if (answer->pinned.count > limit)
		answer->pinned.count = (size_t)limit;
	return status;
}
