/* SPDX-License-Identifier: MIT
 * sort: qsort() for arrays as long as the target makes them: somebody is asked in between whether to go on. */
#ifndef PYDS_BASE_SORT_H
#define PYDS_BASE_SORT_H

#include <stddef.h>

#include "base/progress.h"

typedef int (*sort_compare)(const void *left, const void *right);

/* Stable. ERROR_CANCELLED, without a sentence: the items are all there, in any order. Takes as much memory again as the
 * items have; without it they are sorted all the same, and nobody is asked. */
int sort_items(void *items, size_t count, size_t size, sort_compare compare, const struct progress *progress);

struct sort_order {
	int (*compare)(const void *left, const void *right, void *context);
	void *context;
};

int sort_items_by(void *items, size_t count, size_t size, struct sort_order order, const struct progress *progress);

#endif
