/* SPDX-License-Identifier: MIT */
#include "query/garbage/garbage.h"

#include <stdlib.h>
#include <string.h>

#include "query/garbage/garbage_cycles.h"

enum { GC_HEAD_PREVIOUS = 8, GC_FINALIZED = 1 }; /* _PyGC_PREV_MASK_FINALIZED, Include/internal/pycore_gc.h */

struct finder {
	const struct query *query;
	const struct garbage_question *question;
	const struct retained *heap;
	struct garbage garbage;
	struct garbage_answer *answer;
	ARRAY(struct garbage_type_row) sums; /* two for each type: by 2 * type_info.index + kind */
};

static int no_memory(const struct finder *finder)
{
	return query_no_memory(finder->query, "the garbage of the heap");
}

static void add(struct garbage_sum *sum, const struct garbage_sum *one)
{
	sum->count++;
	sum->bytes += one->bytes;
	sum->native += one->native;
}

static bool count_type(struct finder *finder, const struct type_info *type, enum garbage_kind kind,
                       const struct garbage_sum *one)
{
	const size_t index = 2 * (size_t)type->index + kind, from = finder->sums.count;
	if (index >= from) {
		if (!array_reserve(&finder->sums, index + 128))
			return false;
		finder->sums.count = finder->sums.capacity;
		memset(finder->sums.items + from, 0, (finder->sums.count - from) * sizeof *finder->sums.items);
	}
	struct garbage_type_row *row = &finder->sums.items[index];
	row->type = type;
	row->kind = kind;
	add(&row->sum, one);
	return true;
}

/* Generators and their like always have one, for the case that they are suspended inside a `try`. */
static bool has_finalizer(struct finder *finder, const struct type_info *type)
{
	static const char *const generators[] = { "generator", "coroutine", "async_generator" };
	uint64_t finalize = 0;
	struct reader *reader = &finder->query->target->naming.reader;
	const struct layout *layout = finder->query->target->naming.layout;
	if (!layout_has(layout, FIELD_PyTypeObject_tp_finalize) ||
	    !reader_u64(reader, type->address + layout_offset(layout, FIELD_PyTypeObject_tp_finalize), &finalize) ||
	    finalize == 0)
		return false;
	for (size_t i = 0; i < sizeof generators / sizeof generators[0]; i++)
		if (strcmp(type->entry->id, generators[i]) == 0)
			return false;
	return true;
}

static bool is_finalized(struct finder *finder, uint64_t object, int8_t generation)
{
	uint64_t previous;
	return generation != GARBAGE_UNTRACKED &&
	       !layout_feature(finder->query->target->naming.layout, FEATURE_FREE_THREADED) &&
	       reader_u64(&finder->query->target->naming.reader, object - GC_HEAD_PREVIOUS, &previous) &&
	       (previous & GC_FINALIZED) != 0;
}

static int sum_objects(struct finder *finder)
{
	const struct garbage *garbage = &finder->garbage;
	const struct heap_graph *graph = finder->heap->graph;
	struct garbage_answer *answer = finder->answer;
	uint64_t steps = 0;
	for (uint32_t place = 0; place < garbage->count; place++) {
		const uint64_t object = object_index_address(&graph->index, garbage->nodes[place]);
		const struct garbage_sum one = {
			.bytes = heap_graph_bytes(graph, garbage->nodes[place], finder->query->measure),
			.native = garbage_native(answer, graph, garbage->nodes[place]),
		};
		const enum garbage_kind kind = (enum garbage_kind)garbage->kind[place];
		const int8_t generation = garbage->generation[place];
		const struct type_info *type = query_type(finder->query, object);
		if (progress_look(finder->query->progress, &steps) != OK)
			return query_cancelled(finder->query);
		add(&answer->kinds[kind], &one);
		add(&answer->ages[generation == GARBAGE_UNTRACKED ? GARBAGE_UNTRACKED_AGE : generation], &one);
		if (type == NULL)
			continue;
		if (!count_type(finder, type, kind, &one))
			return no_memory(finder);
		answer->finalized += is_finalized(finder, object, generation);
	}
	answer->frozen = garbage->frozen;
	for (size_t i = 0; i < finder->sums.count; i++) {
		const struct garbage_type_row *row = &finder->sums.items[i];
		if (row->sum.count > 0 && has_finalizer(finder, row->type))
			answer->finalizers += row->sum.count;
	}
	return OK;
}

static int compare_types(const void *left, const void *right)
{
	const struct garbage_type_row *a = left, *b = right;
	if (a->sum.count != b->sum.count && garbage_weight(&a->sum) == garbage_weight(&b->sum))
		return a->sum.count > b->sum.count ? -1 : 1;
	return query_compare_bytes(garbage_weight(&a->sum), a->type->address, garbage_weight(&b->sum),
	                           b->type->address);
}

static int keep_types(struct finder *finder)
{
	const struct garbage_question *question = finder->question;
	struct garbage_answer *answer = finder->answer;
	for (size_t i = 0; i < finder->sums.count; i++) {
		const struct garbage_type_row *row = &finder->sums.items[i];
		if (row->sum.count == 0 || garbage_weight(&row->sum) < question->min_bytes ||
		    !type_filter_passes(&question->filter, row->type->name))
			continue;
		if (!array_push(&answer->types, *row))
			return no_memory(finder);
	}
	answer->types_matching = answer->types.count;
	if (answer->types.count > 1)
		qsort(answer->types.items, answer->types.count, sizeof *answer->types.items, compare_types);
	if (answer->types.count > question->limit)
		answer->types.count = question->limit;
	return OK;
}

static int compare_cycles(const void *left, const void *right)
{
	const struct garbage_cycle_row *a = left, *b = right;
	return query_compare_bytes(garbage_weight(&a->sum), a->steps[0].address, garbage_weight(&b->sum),
	                           b->steps[0].address);
}

static void keep_cycles(struct finder *finder)
{
	struct garbage_answer *answer = finder->answer;
	size_t kept = 0;
	for (size_t i = 0; i < answer->cycles.count; i++) {
		if (answer->cycles.items[i].sum.count > 0 &&
		    garbage_weight(&answer->cycles.items[i].sum) >= finder->question->min_bytes)
			answer->cycles.items[kept++] = answer->cycles.items[i];
		else
			garbage_cycle_row_clear(&answer->cycles.items[i]);
	}
	answer->cycles_matching = answer->cycles.count = kept;
	if (kept > 1)
		qsort(answer->cycles.items, kept, sizeof *answer->cycles.items, compare_cycles);
	while (answer->cycles.count > finder->question->limit)
		garbage_cycle_row_clear(&answer->cycles.items[--answer->cycles.count]);
}

static int find_collectors(struct finder *finder)
{
	const struct runtime *runtime = finder->query->target->runtime;
	for (size_t i = 0; i < runtime->interpreters.count; i++) {
		struct collector collector;
		collector_read(runtime, &finder->query->target->naming.reader, runtime->interpreters.items[i].address,
		               &collector);
		if (!array_push(&finder->answer->collectors, collector))
			return no_memory(finder);
		if (!layout_has(&runtime->layout, FIELD_PyInterpreterState_gc))
			break;
	}
	return OK;
}

static int find(struct finder *finder)
{
	const struct query *query = finder->query;
	const struct heap_graph *graph = finder->heap->graph;
	TRY(garbage_open(&finder->garbage, graph, finder->heap->dominators.number, &query->target->decoder,
	                 query->progress, query->error));
	if (finder->answer->native.garbage > 0)
		TRY(target_weigh_native(query->target, query->progress, query->error));
	TRY(sum_objects(finder));
	TRY(keep_types(finder));
	TRY(garbage_cycles(query, graph, &finder->garbage, finder->answer));
	keep_cycles(finder);
	return find_collectors(finder);
}

int query_garbage(const struct query *query, const struct garbage_question *question, struct garbage_answer *ret_answer)
{
	struct finder finder = { .query = query, .question = question, .answer = ret_answer };
	*ret_answer = (struct garbage_answer){ .frozen = 0 };
	TRY(query_heap_and_blocks(query, &finder.heap));
	if (finder.heap->unreachable_count > 0)
		TRY(query_native_beside_sums(query, &ret_answer->native));
	ret_answer->heap_bytes = finder.heap->total;
	ret_answer->coverage = finder.heap->graph->coverage;
	int status = find(&finder);
	garbage_close(&finder.garbage);
	array_free(&finder.sums);
	return status;
}

void garbage_answer_clear(struct garbage_answer *answer)
{
	for (size_t i = 0; i < answer->cycles.count; i++)
		garbage_cycle_row_clear(&answer->cycles.items[i]);
	array_free(&answer->types);
	array_free(&answer->cycles);
	array_free(&answer->collectors);
}
