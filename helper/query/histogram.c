/* SPDX-License-Identifier: MIT */
#include "query/histogram.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "graph/heap/heap_cursor.h"
#include "query/object_lines.h"
#include "object/value.h"
#include "allocator/tracked_objects.h"

enum {
	SMALL_BYTES = 512, /* what pymalloc serves, in classes of 16 bytes */
	CLASS_BYTES = 16,
	SMALL_CLASSES = SMALL_BYTES / CLASS_BYTES + 1,
	NOT_TRACKED = GC_GENERATIONS, /* its row */
};

struct histogram {
	const struct query *query;
	const struct histogram_question *question;
	const struct retained *heap;
	struct histogram_answer *answer;
	ARRAY(uint32_t) bucket_of_type; /* row by type_info.index, + 1 */
	uint8_t *generations; /* by node */
	struct object_lines lines; /* GROUP_BY_LINE */
	uint64_t address; /* of the object that is counted */
	uint32_t *group; /* by number of the dominator tree, where retained sizes are asked for */
	bool measures_allocated;
};

static int no_memory(const struct histogram *histogram)
{
	return query_no_memory(histogram->query, "the histogram");
}

/* ---- Which row an object belongs to ---- */

/* Bytes of the objects of a size's row. */
static void size_range(uint64_t group, struct histogram_row *row)
{
	if (group < SMALL_CLASSES) {
		row->least = group == 0 ? 0 : (group - 1) * CLASS_BYTES + 1;
		row->most = group * CLASS_BYTES;
		return;
	}
	row->least = UINT64_C(1) << (group - SMALL_CLASSES + 9);
	row->most = group - SMALL_CLASSES + 10 < 64 ? 2 * row->least : UINT64_MAX;
}

/* 513 to 1024 is the first class above the small ones. */
static uint32_t size_group(uint64_t bytes)
{
	if (bytes <= SMALL_BYTES)
		return (uint32_t)((bytes + CLASS_BYTES - 1) / CLASS_BYTES);
	uint32_t bits = 64 - (uint32_t)__builtin_clzll(bytes - 1);
	return SMALL_CLASSES + bits - 10;
}

static bool add_row(struct histogram *histogram, const struct histogram_row *row)
{
	return array_push(&histogram->answer->rows, *row);
}

/* Rows that are known before any object is looked at. */
static int prepare(struct histogram *histogram)
{
	static const char *const names[] = { "generation 0", "generation 1", "generation 2", "permanent",
		                             "not tracked by the collector" };
	const enum grouping by = histogram->question->by;
	const uint32_t count = by == GROUP_BY_SIZE         ? SMALL_CLASSES + 64 - 9
	                       : by == GROUP_BY_GENERATION ? NOT_TRACKED + 1
	                       : by == GROUP_BY_LINE       ? (uint32_t)histogram->lines.row_frames.count + 1
	                                                   : 0;
	for (uint32_t i = 0; i < count; i++) {
		struct histogram_row bucket = { .group = i };
		if (by == GROUP_BY_SIZE)
			size_range(i, &bucket);
		else if (by == GROUP_BY_LINE)
			object_lines_name(&histogram->lines, i, &bucket.name);
		else
			text_add(&bucket.name, names[i]);
		if (!add_row(histogram, &bucket))
			return no_memory(histogram);
	}
	return OK;
}

static int find_generations(struct histogram *histogram)
{
	const struct object_index *index = &histogram->heap->graph->index;
	struct tracked_objects tracked;
	int32_t generation;
	histogram->generations = malloc((size_t)index->count + 1);
	if (histogram->generations == NULL)
		return no_memory(histogram);
	memset(histogram->generations, NOT_TRACKED, (size_t)index->count + 1);
	int status = tracked_objects_open(&tracked, histogram->query->target->runtime, histogram->query->error);
	for (uint64_t object; status == OK && (object = tracked_objects_next(&tracked, &generation)) != 0;) {
		uint32_t node = object_index_find(index, object);
		if (node != UINT32_MAX && generation < NOT_TRACKED)
			histogram->generations[node] = (uint8_t)generation;
	}
	tracked_objects_close(&tracked);
	return status;
}

/* The row of a type met for the first time: its own, or that of its module. False: out of memory. */
__attribute__((noinline)) static bool place_type(struct histogram *histogram, const struct type_info *type)
{
	const bool by_module = histogram->question->by == GROUP_BY_MODULE;
	struct histogram_row bucket = { .type = by_module ? NULL : type,
		                        .group = (uint32_t)histogram->answer->rows.count };
	if (type->index >= histogram->bucket_of_type.count) {
		if (!array_reserve(&histogram->bucket_of_type, type->index + 64))
			return false;
		memset(histogram->bucket_of_type.items + histogram->bucket_of_type.count, 0,
		       (histogram->bucket_of_type.capacity - histogram->bucket_of_type.count) * sizeof(uint32_t));
		histogram->bucket_of_type.count = histogram->bucket_of_type.capacity;
	}
	if (by_module)
		names_type_module(&histogram->query->target->naming, type, &bucket.name);
	else
		names_type(&bucket.name, type);
	for (size_t i = 0; by_module && i < histogram->answer->rows.count; i++) {
		if (strcmp(text_string(&histogram->answer->rows.items[i].name), text_string(&bucket.name)) != 0)
			continue;
		text_free(&bucket.name);
		histogram->bucket_of_type.items[type->index] = (uint32_t)i + 1;
		return true;
	}
	histogram->bucket_of_type.items[type->index] = bucket.group + 1;
	return add_row(histogram, &bucket);
}

static inline struct histogram_row *bucket_of(struct histogram *histogram, const struct type_info *type, uint32_t node,
                                              uint64_t bytes)
{
	switch (histogram->question->by) {
	case GROUP_BY_SIZE:
		return &histogram->answer->rows.items[size_group(bytes)];
	case GROUP_BY_GENERATION:
		return &histogram->answer->rows.items[histogram->generations[node]];
	case GROUP_BY_LINE:
		return &histogram->answer->rows.items[object_lines_row(&histogram->lines, histogram->address, type)];
	default:
		break;
	}
	if (__builtin_expect(type->index >= histogram->bucket_of_type.count ||
	                             histogram->bucket_of_type.items[type->index] == 0,
	                     0) &&
	    !place_type(histogram, type))
		return NULL;
	return &histogram->answer->rows.items[histogram->bucket_of_type.items[type->index] - 1];
}

static inline void add_measure(struct histogram_sum *sum, const struct histogram_sum *own)
{
	sum->count++;
	sum->shallow += own->shallow;
	sum->allocated += own->allocated;
	sum->native += own->native;
}

static inline int count_object(struct histogram *histogram, uint32_t node, const struct type_info *type, bool is_shown)
{
	const struct retained *heap = histogram->heap;
	const uint32_t number = heap->dominators.number[node];
	const bool has_native = histogram->answer->native.is_known || heap->measure == SIZE_NATIVE;
	const struct histogram_sum own = {
		.shallow = heap_graph_own(heap->graph, node),
		.allocated = histogram->measures_allocated ? heap_graph_allocated(heap->graph, node) : 0,
		.native = has_native ? byte_counts_at(&heap->graph->native, node) : 0,
	};
	const bool is_reached = number != UINT32_MAX;
	add_measure(is_reached ? &histogram->answer->reached : &histogram->answer->unreachable, &own);
	if (!is_shown)
		return OK;
	struct histogram_row *bucket = bucket_of(histogram, type, node, histogram_bytes(histogram->answer, &own));
	if (bucket == NULL)
		return no_memory(histogram);
	add_measure(is_reached ? &bucket->reached : &bucket->unreachable, &own);
	if (is_reached && histogram->group != NULL)
		histogram->group[number] = bucket->group;
	return OK;
}

static int count_objects(struct histogram *histogram)
{
	struct heap_cursor cursor;
	const struct type_info *type = NULL;
	bool is_shown = false;
	heap_cursor_init(&cursor, histogram->heap->graph, &histogram->query->target->naming,
	                 histogram->query->progress);
	while (heap_cursor_next(&cursor)) {
		if (cursor.type != type) {
			type = cursor.type;
			is_shown = type_filter_passes(&histogram->question->types, type->name);
		}
		histogram->address = cursor.address;
		TRY(count_object(histogram, cursor.node, type, is_shown));
	}
	histogram->answer->not_objects = cursor.not_objects;
	return cursor.status == OK ? OK : query_cancelled(histogram->query);
}

static int find_retained(struct histogram *histogram)
{
	const struct query *query = histogram->query;
	const uint32_t count = (uint32_t)histogram->answer->rows.count;
	uint64_t *bytes = calloc((size_t)count + 1, sizeof *bytes);
	if (bytes == NULL)
		return no_memory(histogram);
	int status = retained_groups(histogram->heap, histogram->group, count, bytes, query->progress, query->error);
	for (uint32_t i = 0; i < count; i++)
		histogram->answer->rows.items[i].retained = bytes[i];
	free(bytes);
	return status;
}

static int gather(struct histogram *histogram)
{
	if (histogram->question->by == GROUP_BY_LINE)
		TRY(object_lines_open(&histogram->lines, histogram->query));
	TRY(prepare(histogram));
	if (histogram->question->by == GROUP_BY_GENERATION)
		TRY(find_generations(histogram));
	if (histogram->question->with_retained) {
		const size_t bytes = ((size_t)histogram->heap->dominators.reached_count + 1) * sizeof(uint32_t);
		histogram->group = malloc(bytes);
		if (histogram->group == NULL)
			return no_memory(histogram);
		memset(histogram->group, 0xff, bytes);
	}
	TRY(count_objects(histogram));
	return histogram->group != NULL ? find_retained(histogram) : OK;
}

/* ---- Which rows, in which order ---- */

static int compare_rows(const void *left_row, const void *right_row, void *context)
{
	const struct histogram *histogram = context;
	const struct histogram_row *left = left_row, *right = right_row;
	int order = 0;
	switch (histogram->question->order) {
	case HISTOGRAM_BY_COUNT:
		order = query_compare_bytes(left->reached.count, 0, right->reached.count, 0);
		break;
	case HISTOGRAM_BY_NAME:
		/* Sizes and generations are in order already. */
		order = histogram->question->by <= GROUP_BY_MODULE
		                ? strcmp(text_string(&left->name), text_string(&right->name))
		                : (left->group < right->group ? -1 : 1);
		break;
	case HISTOGRAM_BY_RETAINED:
		order = query_compare_bytes(left->retained, 0, right->retained, 0);
		break;
	case HISTOGRAM_BY_BYTES:
		break;
	}
	return order != 0 ? order
	                  : query_compare_bytes(histogram_bytes(histogram->answer, &left->reached), left->group,
	                                        histogram_bytes(histogram->answer, &right->reached), right->group);
}

/* False: out of memory for a name. */
static bool keep_rows(struct histogram *histogram)
{
	struct histogram_answer *answer = histogram->answer;
	size_t kept = 0;
	bool failed = false;
	for (size_t i = 0; i < answer->rows.count; i++) {
		struct histogram_row *row = &answer->rows.items[i];
		failed |= row->name.failed;
		if (row->reached.count + row->unreachable.count > 0 &&
		    histogram_bytes(answer, &row->reached) >= histogram->question->min_bytes)
			answer->rows.items[kept++] = *row;
		else
			text_free(&row->name);
	}
	answer->rows.count = kept;
	if (kept > 1)
		qsort_r(answer->rows.items, kept, sizeof *answer->rows.items, compare_rows, histogram);
	return !failed;
}

static void describe_heap(const struct retained *heap, struct histogram_answer *answer)
{
	const struct heap_graph *graph = heap->graph;
	const uint32_t c_number = retained_holder_number(heap, graph->roots.c_holder);
	answer->measure = heap->measure;
	answer->held_from_c.count = graph->held_from_c;
	answer->held_from_c.alone = c_number != UINT32_MAX ? heap->bytes[c_number] : 0;
	answer->references.counted = graph->counted;
	answer->references.accounted = graph->accounted;
	answer->references.overcounted = graph->overcounted;
	answer->coverage = graph->coverage;
}

/* What `top` has in its total as well, and no object alone leads to. */
static void note_common(struct histogram *histogram)
{
	struct histogram_answer *answer = histogram->answer;
	const struct native_graph *native = histogram->query->target->native;
	const uint64_t of_objects = answer->reached.native;
	const bool has_native = answer->native.is_known || histogram->heap->measure == SIZE_NATIVE;
	if (has_native && native != NULL && native->holders[NATIVE_OBJECT].bytes > of_objects)
		answer->native_common = native->holders[NATIVE_OBJECT].bytes - of_objects;
}

int query_histogram(const struct query *query, const struct histogram_question *question,
                    struct histogram_answer *ret_answer)
{
	*ret_answer = (struct histogram_answer){ .not_objects = 0 };
	struct histogram histogram = { .query = query, .question = question, .answer = ret_answer };
	TRY(query_heap_and_blocks(query, &histogram.heap));
	describe_heap(histogram.heap, ret_answer);
	histogram.measures_allocated = question->with_allocated || query->measure == SIZE_ALLOCATED;
	int status = query_native_beside_sums(query, &ret_answer->native);
	if (status == OK && ret_answer->native.is_known)
		status = target_weigh_native(query->target, query->progress, query->error);
	if (status == OK && histogram.measures_allocated)
		status = heap_graph_find_allocated(histogram.heap->graph, query->progress, query->error);
	if (status == OK)
		status = gather(&histogram);
	if (status == OK)
		note_common(&histogram);
	if (!keep_rows(&histogram) && status == OK)
		status = no_memory(&histogram);
	array_free(&histogram.bucket_of_type);
	free(histogram.generations);
	object_lines_close(&histogram.lines);
	free(histogram.group);
	return status;
}

void histogram_answer_clear(struct histogram_answer *answer)
{
	for (size_t i = 0; i < answer->rows.count; i++)
		text_free(&answer->rows.items[i].name);
	array_free(&answer->rows);
}
