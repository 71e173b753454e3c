/* SPDX-License-Identifier: MIT */
#include "query/sizes.h"

#include <stdlib.h>
#include <string.h>

static bool add_parts(struct decoder *decoder, struct size_answer *answer)
{
	const struct decoded *out = &decoder->out;
	uint64_t known = out->presize;
	for (size_t i = 0; i < out->blocks.count; i++) {
		const struct block *block = &out->blocks.items[i];
		const struct size_part part = { .role = block->role,
			                        .allocation = allocation_of_block(decoder, i),
			                        .bytes = block->bytes,
			                        .counted_bytes = block->bytes - block->uncounted,
			                        .is_counted = (block->flags & BLOCK_COUNTED) != 0,
			                        .is_allocated = allocated_counts_block(block),
			                        .is_shared = (block->flags & BLOCK_SHARED) != 0,
			                        .is_interior = (block->flags & BLOCK_INTERIOR) != 0 };
		if (part.is_counted)
			known += part.counted_bytes;
		if (!array_push(&answer->parts, part))
			return false;
	}
	/* What __sizeof__() gives and no block accounts for is the object itself. */
	answer->object_bytes = out->shallow >= known ? out->shallow - known : out->shallow;
	return true;
}

int query_size(const struct query *query, uint64_t object, struct size_answer *ret_answer)
{
	struct decoder *decoder = &query->target->decoder;
	const struct decoded *out = &decoder->out;
	*ret_answer = (struct size_answer){ .address = object };
	TRY(query_decode(query, object, &ret_answer->state));
	const struct allocated allocated = allocated_of_object(decoder);
	ret_answer->refcount = query_refcount(decoder, object);
	ret_answer->shallow = out->shallow;
	ret_answer->allocated = allocated.bytes;
	ret_answer->allocated_is_estimate = allocated.approximate;
	ret_answer->presize = out->presize;
	ret_answer->own = allocated.own;
	ret_answer->has_preheader = out->type->preheader > 0;
	coverage_count(&ret_answer->coverage, out);
	const bool done = add_parts(decoder, ret_answer);
	query_allocated_at(query, &ret_answer->own, &ret_answer->allocated_at);
	names_describe(&query->target->naming, object, &query->names, &ret_answer->description);
	return done && !ret_answer->description.failed ? OK : query_no_memory(query, "a size");
}

void size_answer_clear(struct size_answer *answer)
{
	array_free(&answer->parts);
	allocated_at_clear(&answer->allocated_at);
	text_free(&answer->description);
}

bool size_list_add(struct size_list *list, const struct size_answer *answer)
{
	if (!array_push(&list->rows, *answer))
		return false;
	list->rows.items[list->rows.count - 1].place = list->rows.count - 1;
	list->shallow += answer->shallow;
	list->allocated += answer->allocated;
	list->approximate += (answer->state.flags & DECODED_APPROXIMATE) != 0 || answer->allocated_is_estimate;
	return true;
}

static int compare_rows(const void *left_row, const void *right_row, void *context)
{
	const enum sizes_order order = *(const enum sizes_order *)context;
	const struct size_answer *left = left_row, *right = right_row;
	int found = 0;
	if (order == SIZES_BY_SHALLOW)
		found = query_compare_bytes(left->shallow, left->address, right->shallow, right->address);
	else if (order == SIZES_BY_ALLOCATED)
		found = query_compare_bytes(left->allocated, left->address, right->allocated, right->address);
	else if (order == SIZES_BY_TYPE)
		found = strcmp(left->state.type->name, right->state.type->name);
	return found != 0 ? found : left->place < right->place ? -1 : left->place > right->place;
}

void size_list_sort(struct size_list *list, enum sizes_order order)
{
	if (list->rows.count > 1)
		qsort_r(list->rows.items, list->rows.count, sizeof *list->rows.items, compare_rows, &order);
}

void size_list_clear(struct size_list *list)
{
	for (size_t i = 0; i < list->rows.count; i++)
		size_answer_clear(&list->rows.items[i]);
	array_free(&list->rows);
}
