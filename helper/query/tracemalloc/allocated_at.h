/* SPDX-License-Identifier: MIT
 * allocated_at: the lines that asked for the memory of one object, where tracemalloc was on. */
#ifndef PYDS_QUERY_ALLOCATED_AT_H
#define PYDS_QUERY_ALLOCATED_AT_H

#include "decode/allocated.h"
#include "query/tracemalloc/traced_lines.h"

struct allocated_at {
	bool is_traced;
	uint64_t bytes; /* that tracemalloc counted for it */
	bool is_reused; /* not what the object asked for: a free list keeps memory under the size of its first owner */
	struct traced_stack stack; /* most recent frame first */
	struct traced_lines_answer lines; /* with its frames */
};

/* Of an object's own memory. To be cleared whatever comes of it. */
void query_allocated_at(const struct query *query, const struct allocation *own, struct allocated_at *ret_at);
/* Appends "app/models.py:88", the line that asked for the object; false, and nothing appended: it is not traced, or its
 * memory is another object's that was reused. */
bool query_allocated_line(const struct query *query, uint64_t object, struct text *text);
void allocated_at_clear(struct allocated_at *at);

#endif
