/* SPDX-License-Identifier: MIT */
#include "query/diff/diff_rows.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SLOTS = 1 << 10 };

static uint64_t hash_of(const char *name)
{
	uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
	for (; *name != '\0'; name++)
		hash = (hash ^ (uint8_t)*name) * UINT64_C(1099511628211);
	return hash ^ hash >> 32;
}

static uint32_t *slot_of(const diff_rows *rows, const struct diff_names *names, const char *name)
{
	for (uint64_t i = hash_of(name);; i++) {
		uint32_t *slot = &names->slots[i & names->mask];
		if (*slot == 0 || strcmp(rows->items[*slot - 1].name, name) == 0)
			return slot;
	}
}

static bool make_room(const diff_rows *rows, struct diff_names *names)
{
	if (names->slots != NULL && rows->count * 2 < names->mask)
		return true;
	const size_t count = names->slots != NULL ? (names->mask + 1) * 2 : FIRST_SLOTS;
	uint32_t *slots = calloc(count, sizeof *slots);
	if (slots == NULL)
		return false;
	free(names->slots);
	names->slots = slots;
	names->mask = count - 1;
	for (size_t i = 0; i < rows->count; i++)
		*slot_of(rows, names, rows->items[i].name) = (uint32_t)i + 1;
	return true;
}

bool diff_rows_add(diff_rows *rows, struct diff_names *names, const char *name, uint32_t side,
                   const struct diff_sum *sum, uint64_t address)
{
	if (!make_room(rows, names))
		return false;
	uint32_t *slot = slot_of(rows, names, name);
	if (*slot == 0) {
		struct diff_row row = { .name = strdup(name) };
		if (row.name == NULL || !array_push(rows, row)) {
			free(row.name);
			return false;
		}
		*slot = (uint32_t)rows->count;
	}
	struct diff_row *row = &rows->items[*slot - 1];
	row->sides[side].count += sum->count;
	row->sides[side].bytes += sum->bytes;
	row->sides[side].retained += sum->retained;
	if (address != 0)
		row->address = address;
	return true;
}

void diff_names_clear(struct diff_names *names)
{
	free(names->slots);
	*names = (struct diff_names){ .slots = NULL };
}

struct order {
	uint32_t last;
	bool by_retained;
};

static int compare_growth(uint64_t left_old, uint64_t left_new, uint64_t right_old, uint64_t right_new)
{
	const int64_t left = (int64_t)(left_new - left_old), right = (int64_t)(right_new - right_old);
	return left > right ? -1 : left < right;
}

static int compare_rows(const void *left_row, const void *right_row, void *context)
{
	const struct order *order = context;
	const struct diff_row *left = left_row, *right = right_row;
	const struct diff_sum *a = left->sides, *b = right->sides;
	int result =
	        order->by_retained
	                ? compare_growth(a[0].retained, a[order->last].retained, b[0].retained, b[order->last].retained)
	                : compare_growth(a[0].bytes, a[order->last].bytes, b[0].bytes, b[order->last].bytes);
	if (result == 0)
		result = compare_growth(a[0].count, a[order->last].count, b[0].count, b[order->last].count);
	return result != 0 ? result : strcmp(left->name, right->name);
}

void diff_rows_sort(diff_rows *rows, uint32_t side_count, bool by_retained)
{
	struct order order = { side_count - 1, by_retained };
	if (rows->count > 1)
		qsort_r(rows->items, rows->count, sizeof *rows->items, compare_rows, &order);
}

void diff_rows_clear(diff_rows *rows)
{
	for (size_t i = 0; i < rows->count; i++)
		free(rows->items[i].name);
	array_free(rows);
}
