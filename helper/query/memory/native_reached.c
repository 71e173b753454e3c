/* SPDX-License-Identifier: MIT
 * What is shared has an owner that dominates all who lead to it; if that owner was not reached, it dominates the walk's
 * own start: other blocks need not be looked for, and a word that is none of those is no way to them. */
#include "query/memory/native_reached.h"

#include <stdlib.h>

#include "base/bits.h"
#include "graph/native/native_ways.h"

struct reaching {
	const struct query *query;
	const struct native_reached_question *question;
	const struct retained *heap;
	const struct native_graph *native;
	uint8_t *is_reached, *is_above; /* by number of the dominator tree */
	uint8_t *is_wanted; /* blocks, that are shared and not counted yet */
	uint64_t wanted; /* of them */
	native_way_array ways; /* from one object or block */
	ARRAY(uint32_t) pending; /* blocks whose words were not followed yet */
	uint64_t bytes, steps;
};

static int no_memory(const struct reaching *reaching)
{
	return query_no_memory(reaching->query, "the blocks of C code that are reached");
}

/* What the walk has reached, less what it did not enter. */
static int mark_reached(struct reaching *reaching)
{
	const struct heap_graph *graph = reaching->heap->graph;
	const uint32_t *numbers = reaching->heap->dominators.number;
	const struct walk *walk = reaching->question->walk;
	struct object_cursor cursor;
	uint32_t node = 0;
	object_cursor_init(&cursor, &graph->index);
	for (uint64_t address; (address = object_cursor_next(&cursor)) != 0; node++) {
		if (numbers[node] != UINT32_MAX && walk_has_reached_in(walk, cursor.segment, address))
			bits_add(reaching->is_reached, numbers[node]);
		if (progress_look(reaching->query->progress, &reaching->steps) != OK)
			return query_cancelled(reaching->query);
	}
	for (size_t i = 0; i < graph->boundaries.count; i++) {
		const uint32_t number = numbers[graph->boundaries.items[i]];
		if (number == UINT32_MAX || number == reaching->question->top ||
		    !bits_has(reaching->is_reached, number))
			continue;
		const uint64_t address = object_index_address(&graph->index, graph->boundaries.items[i]);
		const struct type_info *type = query_type(reaching->query, address);
		if (type == NULL || !policy_enters(reaching->question->policy, type))
			bits_remove(reaching->is_reached, number);
	}
	return OK;
}

static int count_owned(struct reaching *reaching)
{
	const struct heap_graph *graph = reaching->heap->graph;
	const struct walk *walk = reaching->question->walk;
	const uint32_t *idom = reaching->heap->dominators.idom;
	const bool is_garbage = reaching->question->top == UINT32_MAX; /* else the walk meets none */
	for (uint32_t number = is_garbage ? 0 : reaching->question->top; number != 0; number = idom[number])
		bits_add(reaching->is_above, idom[number]);
	for (size_t i = 0; i < reaching->native->blocks.count; i++) {
		const struct native_block *block = &reaching->native->blocks.items[i];
		if (progress_look(reaching->query->progress, &reaching->steps) != OK)
			return query_cancelled(reaching->query);
		if (is_garbage && block->holder == NATIVE_GARBAGE &&
		    walk_has_reached(walk, object_index_address(&graph->index, block->owner)))
			reaching->bytes += native_block_bytes(block);
		if (block->holder != NATIVE_OBJECT)
			continue;
		if (bits_has(reaching->is_reached, block->owner)) {
			reaching->bytes += native_block_bytes(block);
		} else if (bits_has(reaching->is_above, block->owner)) {
			bits_add(reaching->is_wanted, (uint32_t)i);
			reaching->wanted++;
		}
	}
	return OK;
}

static int take_ways(struct reaching *reaching)
{
	for (size_t i = 0; i < reaching->ways.count; i++) {
		const uint32_t block = reaching->ways.items[i].block;
		if (!bits_has(reaching->is_wanted, block))
			continue;
		bits_remove(reaching->is_wanted, block);
		reaching->wanted--;
		reaching->bytes += native_block_bytes(&reaching->native->blocks.items[block]);
		if (!array_push(&reaching->pending, block))
			return no_memory(reaching);
	}
	reaching->ways.count = 0;
	return OK;
}

static int failed(const struct reaching *reaching, int status)
{
	return status == ERROR_CANCELLED ? query_cancelled(reaching->query) : status < 0 ? no_memory(reaching) : OK;
}

/* From one object as far as it goes. */
static int follow(struct reaching *reaching, uint64_t object)
{
	struct decoder *decoder = &reaching->query->target->decoder;
	struct progress *progress = reaching->query->progress;
	TRY(failed(reaching, native_ways_of_object(reaching->native, decoder, object, &reaching->ways, progress)));
	TRY(take_ways(reaching));
	while (reaching->pending.count > 0 && reaching->wanted > 0) {
		const uint32_t block = reaching->pending.items[--reaching->pending.count];
		TRY(failed(reaching,
		           native_ways_of_block(reaching->native, &decoder->reader, block, &reaching->ways, progress)));
		TRY(take_ways(reaching));
	}
	reaching->pending.count = 0;
	return OK;
}

static int count_shared(struct reaching *reaching)
{
	const uint32_t *numbers = reaching->heap->dominators.number;
	struct decoder *decoder = &reaching->query->target->decoder;
	struct object_cursor cursor;
	uint32_t node = 0;
	object_cursor_init(&cursor, &reaching->heap->graph->index);
	for (uint64_t address; reaching->wanted > 0 && (address = object_cursor_next(&cursor)) != 0; node++) {
		if (progress_look(reaching->query->progress, &reaching->steps) != OK)
			return query_cancelled(reaching->query);
		if (numbers[node] == UINT32_MAX || !bits_has(reaching->is_reached, numbers[node]))
			continue;
		const struct object_head head = decode_head(decoder, address);
		const struct type_info *type = head.bytes != NULL ? decode_head_type(decoder, head.bytes) : NULL;
		if (type != NULL && (type->flags & TYPE_HAS_UNKNOWN_WORDS) != 0)
			TRY(follow(reaching, address));
	}
	return OK;
}

int query_native_reached(const struct query *query, const struct native_reached_question *question, uint64_t *ret_bytes)
{
	struct reaching reaching = { .query = query, .question = question };
	*ret_bytes = 0;
	TRY(query_heap(query, &reaching.heap));
	TRY(target_native(query->target, query->progress, &reaching.native, query->error));
	const size_t numbers = bits_bytes(reaching.heap->dominators.reached_count);
	reaching.is_reached = calloc(numbers, 1);
	reaching.is_above = calloc(numbers, 1);
	reaching.is_wanted = calloc(bits_bytes(reaching.native->blocks.count), 1);
	int status = OK;
	if (reaching.is_reached == NULL || reaching.is_above == NULL || reaching.is_wanted == NULL)
		status = no_memory(&reaching);
	if (status == OK)
		status = mark_reached(&reaching);
	if (status == OK)
		status = count_owned(&reaching);
	if (status == OK && reaching.wanted > 0)
		status = count_shared(&reaching);
	free(reaching.is_reached);
	free(reaching.is_above);
	free(reaching.is_wanted);
	array_free(&reaching.ways);
	array_free(&reaching.pending);
	*ret_bytes = reaching.bytes;
	return status;
}
