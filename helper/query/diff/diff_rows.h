/* SPDX-License-Identifier: MIT
 * diff_rows: rows of several sides under one name each, put together side by side. */
#ifndef PYDS_QUERY_DIFF_ROWS_H
#define PYDS_QUERY_DIFF_ROWS_H

#include "query/diff/diff.h"

/* Adds to what `side` has of the row of that name; the name is copied when it is new. index: of the names there are.
 * False: out of memory. */
struct diff_names {
	uint32_t *slots; /* index of a row + 1; open addressing, at most half full */
	size_t mask; /* slot count - 1 */
};
bool diff_rows_add(diff_rows *rows, struct diff_names *names, const char *name, uint32_t side,
                   const struct diff_sum *sum, uint64_t address);
void diff_names_clear(struct diff_names *names);
/* By growth from the first side to the last: of retained bytes, or of bytes and then of count. */
void diff_rows_sort(diff_rows *rows, uint32_t side_count, bool by_retained);
void diff_rows_clear(diff_rows *rows);

#endif
