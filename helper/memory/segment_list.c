/* SPDX-License-Identifier: MIT
 * segment_list: from overlapping claims about target memory to sorted, disjoint segments. Honest cores
 * have no overlaps but between program headers and NT_FILE; hostile ones may have any, and then the
 * result depends on the file's contents only. */
#include "memory/space_source.h"

#include <string.h>

/* Lower wins. Bytes at hand come before those that must still be asked for. Among reasons for absence the more telling
 * one wins: that the file ends before the bytes is certain, that a file is missing explains more than that the range
 * was not dumped. */
static unsigned claim_rank(const struct segment *claim)
{
	if (claim->data != NULL)
		return claim->lazy != NULL ? 2 : claim->from_file ? 1 : 0;
	switch (claim->absent) {
	case ABSENT_TRUNCATED:
		return 3;
	case ABSENT_NO_FILE:
	case ABSENT_OTHER_FILE:
		return 4;
	default:
		return 5;
	}
}

struct claim_order {
	uint64_t start;
	uint32_t number; /* in the list of claims */
	uint32_t rank;
};

static int compare_starts(const void *left, const void *right)
{
	const struct claim_order *a = left, *b = right;
	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

static bool wins(const struct claim_order *a, const struct claim_order *b)
{
	return a->rank != b->rank ? a->rank < b->rank : a->number < b->number;
}

/* The claims that hold the current address, as a binary heap with the winner first. */
struct claim_heap {
	struct claim_order *items;
	size_t count;
};

static void heap_push(struct claim_heap *heap, struct claim_order claim)
{
	size_t at = heap->count++;
	while (at > 0 && wins(&claim, &heap->items[(at - 1) / 2])) {
		heap->items[at] = heap->items[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	heap->items[at] = claim;
}

static void heap_pop(struct claim_heap *heap)
{
	struct claim_order moved = heap->items[--heap->count];
	size_t at = 0;
	for (;;) {
		size_t child = 2 * at + 1;
		if (child >= heap->count)
			break;
		if (child + 1 < heap->count && wins(&heap->items[child + 1], &heap->items[child]))
			child++;
		if (!wins(&heap->items[child], &moved))
			break;
		heap->items[at] = heap->items[child];
		at = child;
	}
	heap->items[at] = moved;
}

static bool continues(const struct segment *before, const struct segment *after)
{
	return before->end == after->start && before->lazy == after->lazy && before->protection == after->protection &&
	       before->absent == after->absent && before->from_file == after->from_file &&
	       before->writable_private == after->writable_private &&
	       (before->data == NULL ? after->data == NULL
	                             : before->data + (before->end - before->start) == after->data);
}

typedef ARRAY(struct segment) segment_array;

/* Appends [start, end) of a claim, or lengthens the segment before. */
static bool emit(segment_array *segments, const struct segment *claim, uint64_t start, uint64_t end)
{
	struct segment piece = *claim;
	piece.start = start;
	piece.end = end;
	if (claim->data != NULL)
		piece.data = claim->data + (start - claim->start);
	if (segments->count > 0 && continues(&segments->items[segments->count - 1], &piece)) {
		segments->items[segments->count - 1].end = end;
		return true;
	}
	return array_push(segments, piece);
}

static bool sweep(const struct segment *claims, const struct claim_order *order, size_t count, struct claim_heap *heap,
                  segment_array *segments)
{
	size_t next = 0;
	uint64_t at = 0;
	while (next < count || heap->count > 0) {
		if (heap->count == 0 && order[next].start > at)
			at = order[next].start;
		while (next < count && order[next].start <= at)
			heap_push(heap, order[next++]);
		while (heap->count > 0 && claims[heap->items[0].number].end <= at)
			heap_pop(heap);
		if (heap->count == 0)
			continue;
		const struct segment *winner = &claims[heap->items[0].number];
		uint64_t end = winner->end;
		if (next < count && order[next].start < end)
			end = order[next].start;
		if (!emit(segments, winner, at, end))
			return false;
		at = end;
	}
	return true;
}

int segment_list_resolve(const struct segment *claims, size_t claim_count, struct segment **ret_segments,
                         size_t *ret_count, struct error *error)
{
	if (claim_count > UINT32_MAX / 4)
		return error_set(error, ERROR_LIMIT, "%zu memory ranges are more than can be numbered", claim_count);
	struct claim_order *order = calloc(claim_count + 1, sizeof *order);
	struct claim_heap heap = { .items = calloc(claim_count + 1, sizeof *heap.items) };
	segment_array segments = { .items = NULL };
	bool done = false;
	size_t count = 0;
	if (order != NULL && heap.items != NULL) {
		for (size_t i = 0; i < claim_count; i++)
			if (claims[i].start < claims[i].end)
				order[count++] = (struct claim_order){ .start = claims[i].start,
					                               .number = (uint32_t)i,
					                               .rank = claim_rank(&claims[i]) };
		qsort(order, count, sizeof *order, compare_starts);
		done = sweep(claims, order, count, &heap, &segments);
	}
	free(order);
	free(heap.items);
	if (!done) {
		array_free(&segments);
		return error_set(error, ERROR_NO_MEMORY, "out of memory for %zu memory ranges", claim_count);
	}
	*ret_segments = segments.items;
	*ret_count = segments.count;
	return OK;
}
