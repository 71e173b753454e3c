/* SPDX-License-Identifier: MIT
 * Pieces of one interval are sorted by the C library, then merged two by two into another array and back. */
#include "base/sort.h"

#include <stdlib.h>
#include <string.h>

#include "base/large_block.h"

struct merge {
	size_t count, size;
	struct sort_order order;
	const struct progress *progress;
	uint64_t steps;
};

static int sort_pieces(struct merge *merge, char *items)
{
	for (size_t from = 0; from < merge->count; from += PROGRESS_INTERVAL) {
		const size_t left = merge->count - from;
		if (progress_is_cancelled(merge->progress))
			return ERROR_CANCELLED;
		qsort_r(items + from * merge->size, left < PROGRESS_INTERVAL ? left : PROGRESS_INTERVAL, merge->size,
		        merge->order.compare, merge->order.context);
	}
	return OK;
}

/* Items from `from` on, two sorted runs of `width` each where there are so many, as one run in `to`. */
static int merge_two(struct merge *merge, const char *items, char *to, size_t from, size_t width)
{
	const size_t size = merge->size, middle = merge->count - from < width ? merge->count : from + width;
	const size_t end = merge->count - middle < width ? merge->count : middle + width;
	size_t left = from, right = middle;
	for (size_t at = from; at < end; at++) {
		const bool takes_right = right < end && (left == middle ||
		                                         merge->order.compare(items + left * size, items + right * size,
		                                                              merge->order.context) > 0);
		memcpy(to + at * size, items + (takes_right ? right : left) * size, size);
		right += takes_right;
		left += !takes_right;
		TRY(progress_look(merge->progress, &merge->steps));
	}
	return OK;
}

static int merge_all(struct merge *merge, char *items, char *other)
{
	char *from = items, *to = other;
	for (size_t width = PROGRESS_INTERVAL; width < merge->count; width *= 2) {
		for (size_t at = 0; at < merge->count; at += 2 * width) {
			if (merge_two(merge, from, to, at, width) == OK)
				continue;
			/* `from` is complete, `to` is not. */
			if (from != items)
				memcpy(items, from, merge->count * merge->size);
			return ERROR_CANCELLED;
		}
		char *merged = to;
		to = from;
		from = merged;
	}
	if (from != items)
		memcpy(items, from, merge->count * merge->size);
	return OK;
}

int sort_items_by(void *items, size_t count, size_t size, struct sort_order order, const struct progress *progress)
{
	struct merge merge = { count, size, order, progress, 0 };
	if (count == 0)
		return OK;
	if (count <= PROGRESS_INTERVAL)
		return sort_pieces(&merge, items);
	char *other = large_allocate(count, size);
	if (other == NULL) {
		qsort_r(items, count, size, order.compare, order.context);
		return OK;
	}
	int status = sort_pieces(&merge, items);
	if (status == OK)
		status = merge_all(&merge, items, other);
	large_free(other);
	return status;
}

static int compare_plain(const void *left, const void *right, void *context)
{
	return (*(const sort_compare *)context)(left, right);
}

int sort_items(void *items, size_t count, size_t size, sort_compare compare, const struct progress *progress)
{
	const struct sort_order order = { compare_plain, (void *)&compare };
	return sort_items_by(items, count, size, order, progress);
}
