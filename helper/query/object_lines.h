/* SPDX-License-Identifier: MIT
 * object_lines: for objects of the heap the line that asked for their memory, where tracemalloc was on: a row for each
 * line, and row 0 for what is not traced. */
#ifndef PYDS_QUERY_OBJECT_LINES_H
#define PYDS_QUERY_OBJECT_LINES_H

#include "query/tracemalloc/traced_lines.h"

struct object_lines {
	struct traced_lines_answer lines;
	struct address_map traces; /* a block's address: its trace */
	ARRAY(uint32_t) row_of_stack;
	ARRAY(uint64_t) row_frames; /* of rows from 1 on: a frame that has the name */
};

/* ERROR_STATE: tracemalloc was not on. object_lines_close() in any case. */
int object_lines_open(struct object_lines *ret_lines, const struct query *query);
void object_lines_close(struct object_lines *lines);
/* The row of an object of this type. */
uint32_t object_lines_row(const struct object_lines *lines, uint64_t address, const struct type_info *type);
/* Appends what a row is called. */
void object_lines_name(const struct object_lines *lines, uint32_t row, struct text *text);

#endif
