/* SPDX-License-Identifier: MIT */
#include "query/holders/held_from_c.h"

#include <stdlib.h>

#include "query/holders/held_places.h"
#include "query/naming.h"

struct finder {
	const struct query *query;
	const struct held_question *question;
	const struct retained *heap;
	struct held_answer *answer;
};

static int no_memory(const struct finder *finder)
{
	return query_no_memory(finder->query, "what is held from C");
}

static int compare_rows(const void *left, const void *right)
{
	const struct held_row *a = left, *b = right;
	return query_compare_bytes(a->retained, a->address, b->retained, b->address);
}

static int list_rows(struct finder *finder)
{
	const struct heap_graph *graph = finder->heap->graph;
	struct held_answer *answer = finder->answer;
	uint64_t steps = 0;
	for (size_t i = 0; i < graph->from_c.count; i++) {
		const struct held_object *held = &graph->from_c.items[i];
		const uint32_t number = finder->heap->dominators.number[held->node];
		struct held_row row = { .address = object_index_address(&graph->index, held->node),
			                .missing = held->missing,
			                .retained = number != UINT32_MAX ? finder->heap->bytes[number] : 0 };
		if (progress_look(finder->query->progress, &steps) != OK)
			return query_cancelled(finder->query);
		row.type = query_type(finder->query, row.address);
		if (row.retained < finder->question->min_bytes || row.type == NULL ||
		    !type_filter_passes(&finder->question->filter, row.type->name))
			continue;
		if (!array_push(&answer->rows, row))
			return no_memory(finder);
	}
	answer->matching = answer->rows.count;
	if (answer->rows.count > 1)
		qsort(answer->rows.items, answer->rows.count, sizeof *answer->rows.items, compare_rows);
	return OK;
}

static int compare_types(const void *left, const void *right)
{
	const struct held_type_row *a = left, *b = right;
	if (a->retained == b->retained && a->count != b->count)
		return a->count > b->count ? -1 : 1;
	return query_compare_bytes(a->retained, a->type->address, b->retained, b->type->address);
}

/* Whether another object that is held from C retains this one as well. */
static bool is_below_another(const struct finder *finder, const uint8_t *is_held, uint32_t number)
{
	const struct dominators *dominators = &finder->heap->dominators;
	for (uint32_t above = dominators->idom[number]; above != 0; above = dominators->idom[above])
		if (is_held[above])
			return true;
	return false;
}

static int sum_types(struct finder *finder)
{
	struct held_answer *answer = finder->answer;
	const struct heap_graph *graph = finder->heap->graph;
	uint8_t *is_held = calloc((size_t)finder->heap->dominators.reached_count + 1, 1);
	struct address_map types = { 0 };
	int status = is_held != NULL ? OK : no_memory(finder);
	for (size_t i = 0; status == OK && i < graph->from_c.count; i++) {
		const uint32_t number = finder->heap->dominators.number[graph->from_c.items[i].node];
		if (number != UINT32_MAX)
			is_held[number] = true;
	}
	for (size_t i = 0; status == OK && i < answer->rows.count; i++) {
		const struct held_row *row = &answer->rows.items[i];
		const uint32_t number = retained_number(finder->heap, row->address);
		uint32_t index = address_map_get(&types, row->type->address);
		if (index == ADDRESS_MAP_NONE) {
			index = (uint32_t)answer->types.count;
			if (!address_map_set(&types, row->type->address, index) ||
			    !array_push(&answer->types, (struct held_type_row){ .type = row->type })) {
				status = no_memory(finder);
				break;
			}
		}
		answer->types.items[index].count++;
		answer->types.items[index].missing += row->missing;
		if (number != UINT32_MAX && !is_below_another(finder, is_held, number))
			answer->types.items[index].retained += row->retained;
	}
	if (answer->types.count > 1)
		qsort(answer->types.items, answer->types.count, sizeof *answer->types.items, compare_types);
	address_map_clear(&types);
	free(is_held);
	return status;
}

static int name_rows(struct finder *finder)
{
	struct held_answer *answer = finder->answer;
	struct naming *naming;
	bool failed = false;
	TRY(naming_open(&naming, finder->query, finder->heap));
	for (size_t i = 0; i < answer->rows.count; i++) {
		(void)naming_object(naming, answer->rows.items[i].address, &answer->rows.items[i].name);
		failed |= answer->rows.items[i].name.failed;
	}
	naming_close(naming);
	return failed ? no_memory(finder) : OK;
}

static int find(struct finder *finder)
{
	struct held_answer *answer = finder->answer;
	TRY(list_rows(finder));
	TRY(sum_types(finder));
	if (answer->rows.count > finder->question->limit)
		answer->rows.count = finder->question->limit;
	TRY(name_rows(finder));
	return held_places_find(finder->query, finder->heap, answer);
}

int query_held_from_c(const struct query *query, const struct held_question *question, struct held_answer *ret_answer)
{
	struct finder finder = { .query = query, .question = question, .answer = ret_answer };
	*ret_answer = (struct held_answer){ .count = 0 };
	TRY(query_heap(query, &finder.heap));
	const uint32_t number = retained_holder_number(finder.heap, finder.heap->graph->roots.c_holder);
	ret_answer->count = finder.heap->graph->held_from_c;
	ret_answer->alone_bytes = number != UINT32_MAX ? finder.heap->bytes[number] : 0;
	ret_answer->heap_bytes = finder.heap->total;
	ret_answer->coverage = finder.heap->graph->coverage;
	return find(&finder);
}

void held_answer_clear(struct held_answer *answer)
{
	for (size_t i = 0; i < answer->rows.count; i++)
		text_free(&answer->rows.items[i].name);
	array_free(&answer->rows);
	array_free(&answer->types);
}
