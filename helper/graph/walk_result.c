/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "graph/walk.h"

void walk_result_clear(struct walk_result *result)
{
	array_free(&result->types);
	*result = (struct walk_result){ 0 };
}

static int larger_first(const void *left, const void *right)
{
	const struct type_total *a = left, *b = right;
	if (a->bytes != b->bytes)
		return a->bytes < b->bytes ? 1 : -1;
	if (a->count != b->count)
		return a->count < b->count ? 1 : -1;
	return a->type->address < b->type->address ? -1 : a->type->address > b->type->address;
}

void walk_result_sort(struct walk_result *result)
{
	if (result->types.count > 0)
		qsort(result->types.items, result->types.count, sizeof *result->types.items, larger_first);
}
