/* SPDX-License-Identifier: MIT */
#include "query/objects.h"

#include <stdlib.h>
#include <string.h>

#include "base/sort.h"
#include "object/type_flags.h"

static int no_memory(const struct objects *objects)
{
	return query_no_memory(objects->query, "the list of objects");
}

/* ---- What a row says ---- */

enum { NOT_ASKED, PASSES_NOT, PASSES };

__attribute__((noinline)) static bool meet_type(struct objects *objects, const struct type_info *type)
{
	if (type->index >= objects->passes.count) {
		if (!array_reserve(&objects->passes, type->index + 64))
			return false;
		memset(objects->passes.items + objects->passes.count, NOT_ASKED,
		       objects->passes.capacity - objects->passes.count);
		objects->passes.count = objects->passes.capacity;
	}
	objects->passes.items[type->index] =
	        type_filter_passes(&objects->question.types, type->name) ? PASSES : PASSES_NOT;
	return true;
}

/* As gc.is_tracked(): Modules/gcmodule.c, Include/internal/pycore_gc.h. */
static bool is_tracked(struct decoder *decoder, uint64_t address, const struct type_info *type)
{
	enum { TRACKED_BIT = 1 };
	const struct layout *layout = decoder->layout;
	if (!(type->tp_flags & TPFLAGS_HAVE_GC))
		return false;
	if (type->flags & TYPE_IS_METATYPE) {
		/* Static types are not collected: type_is_gc() of Objects/typeobject.c. */
		uint64_t flags;
		if (!reader_u64(&decoder->reader, address + layout_offset(layout, FIELD_PyTypeObject_tp_flags),
		                &flags) ||
		    !(flags & TPFLAGS_HEAPTYPE))
			return false;
	}
	if (layout_feature(layout, FEATURE_FREE_THREADED)) {
		const uint8_t *head = reader_at(&decoder->reader, address, layout->struct_bytes[STRUCT_PyObject]);
		return head != NULL && layout_get(layout, FIELD_PyObject_ob_gc_bits, head) & TRACKED_BIT;
	}
	uint64_t next;
	return reader_u64(&decoder->reader,
	                  address - layout->struct_bytes[STRUCT_PyGC_Head] +
	                          layout_offset(layout, FIELD_PyGC_Head__gc_next),
	                  &next) &&
	       next != 0;
}

static struct object_row row_of(const struct objects *objects, uint64_t address, uint32_t node,
                                const struct type_info *type)
{
	const struct retained *heap = objects->heap;
	struct object_row row = { .address = address,
		                  .shallow = heap_graph_shallow(heap->graph, node),
		                  .type = type,
		                  .is_reachable = heap->dominators.number[node] != UINT32_MAX };
	if (objects->query->measure == SIZE_ALLOCATED)
		row.allocated = heap_graph_allocated(heap->graph, node);
	if (objects->query->measure == SIZE_NATIVE)
		row.native = byte_counts_at(&heap->graph->native, node);
	return row;
}

/* What only rows that are shown need. */
static void look_closely(const struct objects *objects, struct object_row *row)
{
	struct decoder *decoder = &objects->query->target->decoder;
	const bool needs_allocated = objects->question.with_details || objects->query->measure == SIZE_ALLOCATED;
	if (needs_allocated && decode_object(decoder, row->address)) {
		row->allocated = allocated_of_object(decoder).bytes;
		row->is_approximate = decoder->out.flags & DECODED_APPROXIMATE;
	}
	if (objects->question.with_details)
		row->is_tracked = is_tracked(decoder, row->address, row->type);
}

/* ---- Sorted ---- */

static int compare_shallow(const void *left_row, const void *right_row)
{
	const struct waiting_object *left = left_row, *right = right_row;
	return query_compare_bytes(left->bytes, left->node, right->bytes, right->node);
}

static int compare_type(const void *left_row, const void *right_row, void *context)
{
	const uint32_t *ranks = context;
	const struct waiting_object *left = left_row, *right = right_row;
	if (left->type == right->type)
		return compare_shallow(left_row, right_row);
	return ranks[left->type] < ranks[right->type] ? -1 : 1;
}

static int compare_names(const void *left_type, const void *right_type)
{
	const struct type_info *left = *(struct type_info *const *)left_type;
	const struct type_info *right = *(struct type_info *const *)right_type;
	int order = strcmp(left->name, right->name);
	if (order != 0)
		return order;
	return left->address < right->address ? -1 : left->address > right->address;
}

/* The place of each type among their names: millions of rows then compare numbers. NULL: out of memory. */
static uint32_t *rank_types(const struct type_table *types)
{
	struct type_info **sorted = malloc((types->count + 1) * sizeof(struct type_info *));
	uint32_t *ranks = malloc((types->count + 1) * sizeof *ranks);
	if (sorted == NULL || ranks == NULL) {
		free(sorted);
		free(ranks);
		return NULL;
	}
	memcpy(sorted, types->items, types->count * sizeof(struct type_info *));
	qsort(sorted, types->count, sizeof(struct type_info *), compare_names);
	for (uint32_t i = 0; i < types->count; i++)
		ranks[sorted[i]->index] = i;
	free(sorted);
	return ranks;
}

/* The best rows so far, at most as many as are asked for. */
static int sort_waiting(struct objects *objects)
{
	const size_t count = objects->waiting.count;
	int status = OK;
	if (count > 1 && objects->question.order == OBJECTS_BY_TYPE) {
		uint32_t *ranks = rank_types(&objects->query->target->context->types);
		if (ranks == NULL)
			return no_memory(objects);
		status = sort_items_by(objects->waiting.items, count, sizeof *objects->waiting.items,
		                       (struct sort_order){ compare_type, ranks }, objects->query->progress);
		free(ranks);
	} else if (count > 1) {
		status = sort_items(objects->waiting.items, count, sizeof *objects->waiting.items, compare_shallow,
		                    objects->query->progress);
	}
	if (status < 0)
		return query_cancelled(objects->query);
	if (count > objects->question.limit)
		objects->waiting.count = objects->question.limit;
	return OK;
}

static int keep_waiting(struct objects *objects, uint64_t bytes)
{
	const struct waiting_object waiting = { .bytes = bytes,
		                                .node = objects->cursor.node,
		                                .type = objects->cursor.type->index };
	if (!array_push(&objects->waiting, waiting))
		return no_memory(objects);
	if (objects->waiting.count / 2 >= objects->question.limit && objects->waiting.count >= 4096)
		return sort_waiting(objects);
	return OK;
}

/* ---- Going through the heap ---- */

/* 1: *ret_row, of the object that the cursor stands on, is to be shown now. */
static int look_at(struct objects *objects, struct object_row *ret_row)
{
	const struct objects_question *question = &objects->question;
	const struct type_info *type = objects->cursor.type;
	if ((type->index >= objects->passes.count || objects->passes.items[type->index] == NOT_ASKED) &&
	    !meet_type(objects, type))
		return no_memory(objects);
	if (objects->passes.items[type->index] == PASSES_NOT)
		return 0;
	struct object_row row = row_of(objects, objects->cursor.address, objects->cursor.node, type);
	const uint64_t bytes = object_row_bytes(&row, objects->query->measure);
	if (bytes < question->min_bytes)
		return 0;
	const bool is_shown = question->order == OBJECTS_BY_ADDRESS && objects->shown < question->limit;
	if (is_shown)
		look_closely(objects, &row);
	objects->matching++;
	objects->shallow += row.shallow;
	objects->allocated += row.allocated;
	objects->native += row.native;
	if (question->order != OBJECTS_BY_ADDRESS)
		return keep_waiting(objects, bytes);
	if (!is_shown)
		return 0;
	*ret_row = row;
	return 1;
}

/* Rows that were sorted, one after the other. */
static int next_waiting(struct objects *objects, struct object_row *ret_row)
{
	const struct heap_graph *graph = objects->heap->graph;
	const struct type_table *types = &objects->query->target->context->types;
	if (objects->next_waiting == objects->waiting.count)
		return 0;
	if (objects->next_waiting % PROGRESS_INTERVAL == PROGRESS_INTERVAL - 1 && query_is_cancelled(objects->query))
		return query_cancelled(objects->query);
	const struct waiting_object *waiting = &objects->waiting.items[objects->next_waiting++];
	*ret_row = row_of(objects, object_index_address(&graph->index, waiting->node), waiting->node,
	                  types->items[waiting->type]);
	look_closely(objects, ret_row);
	objects->shown++;
	return 1;
}

int objects_next(struct objects *objects, struct object_row *ret_row)
{
	while (!objects->is_gathered && heap_cursor_next(&objects->cursor)) {
		const int found = look_at(objects, ret_row);
		if (found != 0) {
			objects->shown += found > 0;
			return found;
		}
	}
	if (!objects->is_gathered) {
		if (objects->cursor.status != OK)
			return query_cancelled(objects->query);
		objects->is_gathered = true;
		TRY(sort_waiting(objects));
	}
	return next_waiting(objects, ret_row);
}

int objects_open(struct objects *ret_objects, const struct query *query, const struct objects_question *question)
{
	*ret_objects = (struct objects){ .query = query, .question = *question };
	TRY(query_heap(query, &ret_objects->heap));
	ret_objects->coverage = &ret_objects->heap->graph->coverage;
	heap_cursor_init(&ret_objects->cursor, ret_objects->heap->graph, &query->target->naming, query->progress);
	return OK;
}

void objects_close(struct objects *objects)
{
	array_free(&objects->passes);
	array_free(&objects->waiting);
}
