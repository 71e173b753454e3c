/* SPDX-License-Identifier: MIT */
#include "query/deep.h"

#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "query/memory/native_reached.h"

enum { SMALL_SUBTREE = 1 << 12 }; /* objects: looked up one by one, which is dearer than their part of a sweep */

/* What an object dominates, and what of it the walk has counted. */
struct subtree {
	const struct query *query;
	enum policy policy;
	const struct retained *heap;
	const struct walk *walk;
	uint32_t top; /* number of the object */
};

static uint32_t next_below(const struct subtree *subtree, uint32_t number)
{
	return dominators_next(&subtree->heap->dominators, &subtree->heap->children, subtree->top, number);
}

/* Whether the walk counted an object that it has reached. */
static bool is_entered(const struct subtree *subtree, uint64_t address)
{
	const struct type_info *type = query_type(subtree->query, address);
	return type != NULL && policy_enters(subtree->policy, type);
}

/* One by one: true, and the sum, if they are few. */
static bool sum_few(const struct subtree *subtree, uint64_t *ret_bytes)
{
	const struct heap_graph *graph = subtree->heap->graph;
	uint32_t count = 0;
	*ret_bytes = 0;
	for (uint32_t number = subtree->top; (number = next_below(subtree, number)) != 0;) {
		if (++count > SMALL_SUBTREE)
			return false;
		const uint32_t node = subtree->heap->dominators.node[number];
		const uint64_t address = object_index_address(&graph->index, node);
		if (walk_has_reached(subtree->walk, address) && is_entered(subtree, address))
			*ret_bytes += heap_graph_bytes(graph, node, subtree->heap->measure);
	}
	return true;
}

/* By a sweep over the heap that looks at no object: what the walk has reached, less what it did not enter. */
static int sum_swept(const struct subtree *subtree, const uint8_t *is_below, uint64_t *ret_bytes)
{
	const struct retained *heap = subtree->heap;
	const struct heap_graph *graph = heap->graph;
	struct object_cursor cursor;
	uint64_t bytes = 0, steps = 0;
	uint32_t node = 0;
	object_cursor_init(&cursor, &graph->index);
	for (uint64_t address; (address = object_cursor_next(&cursor)) != 0; node++) {
		if (bits_has(is_below, node) && walk_has_reached_in(subtree->walk, cursor.segment, address))
			bytes += heap_graph_bytes(graph, node, heap->measure);
		if (progress_look(subtree->query->progress, &steps) != OK)
			return query_cancelled(subtree->query);
	}
	for (size_t i = 0; i < graph->boundaries.count; i++) {
		node = graph->boundaries.items[i];
		const uint64_t address = object_index_address(&graph->index, node);
		if (bits_has(is_below, node) && walk_has_reached(subtree->walk, address) &&
		    !is_entered(subtree, address))
			bytes -= heap_graph_bytes(graph, node, heap->measure);
	}
	*ret_bytes = bytes;
	return OK;
}

static int sum_below(const struct subtree *subtree, uint64_t *ret_bytes)
{
	const struct retained *heap = subtree->heap;
	if (sum_few(subtree, ret_bytes))
		return OK;
	uint8_t *is_below = calloc((size_t)heap->graph->node_count / 8 + 1, 1);
	if (is_below == NULL)
		return query_no_memory(subtree->query, "the shared size");
	for (uint32_t number = subtree->top; (number = next_below(subtree, number)) != 0;)
		bits_add(is_below, heap->dominators.node[number]);
	int status = sum_swept(subtree, is_below, ret_bytes);
	free(is_below);
	return status;
}

/* Right after the walk, whose visited set it uses. */
static int weigh(const struct query *query, const struct deep_question *question, struct walk *walk,
                 struct deep_answer *answer)
{
	struct subtree subtree = { .query = query, .policy = question->policy, .walk = walk };
	TRY(query_heap_and_blocks(query, &subtree.heap));
	const struct retained *heap = subtree.heap;
	answer->has_weight = true;
	subtree.top = retained_number(heap, question->object);
	answer->is_held = subtree.top != UINT32_MAX;
	answer->reached.coverage.tracked_unknown |= heap->graph->coverage.tracked_unknown;
	answer->number = subtree.top;
	if (!answer->is_held)
		return query_native_beside_sums(query, &answer->native);
	answer->retained = heap->bytes[subtree.top];
	TRY(query_native_beside(query, &answer->native));
	TRY(query_held_below(query, heap, subtree.top, &answer->from_c));
	TRY(query_approximate_below(query, heap, subtree.top, &answer->approximate));
	if (question->policy == POLICY_ASIZEOF)
		return OK;
	uint64_t below;
	TRY(sum_below(&subtree, &below));
	const uint64_t own = below + heap_graph_bytes(heap->graph, heap->dominators.node[subtree.top], heap->measure);
	answer->shared = answer->reached.bytes > own ? answer->reached.bytes - own : 0;
	answer->has_shared = true;
	return OK;
}

/* What memory of C code has to do with it. The walk goes on, so that this comes last. */
static int look_behind(const struct query *query, const struct deep_question *question, struct walk *walk,
                       struct deep_answer *answer)
{
	const struct native_reached_question reached = { walk, question->policy, answer->number };
	if (!answer->has_weight || question->policy == POLICY_ASIZEOF)
		return OK;
	if (!query->no_native && answer->is_held)
		TRY(query_objects_behind(query, walk, question->policy, &answer->behind));
	return answer->native.is_known ? query_native_reached(query, &reached, &answer->native_reached) : OK;
}

static int look_at(const struct query *query, uint64_t object, struct deep_answer *answer)
{
	struct decoder *decoder = &query->target->decoder;
	struct object_state state;
	TRY(query_decode(query, object, &state));
	answer->type = state.type;
	names_describe(&query->target->naming, object, &query->names, &answer->description);
	if (answer->description.failed)
		return query_no_memory(query, "the description");
	answer->shallow = decoder->out.shallow;
	if (query->measure == SIZE_ALLOCATED)
		answer->allocated = allocated_of_object(decoder).bytes;
	return OK;
}

static int compare_bytes(const void *left_row, const void *right_row)
{
	const struct type_total *left = left_row, *right = right_row;
	return query_compare_bytes(left->bytes, left->type->address, right->bytes, right->type->address);
}

static int compare_count(const void *left_row, const void *right_row)
{
	const struct type_total *left = left_row, *right = right_row;
	return query_compare_bytes(left->count, left->type->address, right->count, right->type->address);
}

static int compare_type(const void *left_row, const void *right_row)
{
	const struct type_total *left = left_row, *right = right_row;
	int order = strcmp(left->type->name, right->type->name);
	return order != 0 ? order : compare_bytes(left_row, right_row);
}

static void sort_types(enum deep_order order, struct walk_result *result)
{
	static int (*const compare[])(const void *, const void *) = { compare_bytes, compare_count, compare_type };
	if (result->types.count > 1)
		qsort(result->types.items, result->types.count, sizeof *result->types.items, compare[order]);
}

int query_deep(const struct query *query, const struct deep_question *question, struct deep_answer *ret_answer)
{
	*ret_answer = (struct deep_answer){ .address = question->object };
	struct walk *walk;
	TRY(look_at(query, question->object, ret_answer));
	TRY(query_walk(query, &walk));
	if (query->measure == SIZE_NATIVE && decode_object(&query->target->decoder, question->object))
		ret_answer->own_native = walk_measured(walk, &query->target->decoder);
	const struct walk_start start = { &question->object, 1, question->policy };
	int status = walk_deep(walk, &start, query->progress, &ret_answer->reached, query->error);
	sort_types(question->order, &ret_answer->reached);
	TRY(status);
	ret_answer->is_complete = true;
	if (!question->with_retained)
		return OK;
	TRY(weigh(query, question, walk, ret_answer));
	return look_behind(query, question, walk, ret_answer);
}

void deep_answer_clear(struct deep_answer *answer)
{
	walk_result_clear(&answer->reached);
	text_free(&answer->description);
}
