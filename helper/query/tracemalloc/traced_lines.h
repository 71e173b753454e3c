/* SPDX-License-Identifier: MIT
 * traced_lines: which lines of the program asked for the memory that is in use, as tracemalloc wrote it down in the
 * process: what tracemalloc.take_snapshot().statistics() would give there. */
#ifndef PYDS_QUERY_TRACED_LINES_H
#define PYDS_QUERY_TRACED_LINES_H

#include "base/address_map.h"
#include "base/text.h"
#include "runtime/tracemalloc/tracemalloc.h"
#include "query/query.h"

enum traced_grouping { TRACED_BY_LINE, TRACED_BY_FILE, TRACED_BY_TRACEBACK };

/* One tracemalloc.Filter: of the most recent frame of a trace. */
struct traced_filter {
	const char *pattern; /* of file names, as fnmatch.fnmatch() takes it */
	uint32_t line; /* 0: any */
	bool is_inclusive;
};

struct traced_lines_question {
	enum traced_grouping by;
	const struct traced_filter *filters;
	size_t filter_count;
	bool with_objects; /* also which of the bytes are objects': takes the graph of the whole heap */
};

struct traced_row {
	uint64_t bytes, count;
	uint64_t object_bytes; /* of bytes: of objects that the heap has, and of the blocks that they own */
	uint64_t free_bytes, free_count; /* of bytes and count: kept in free lists, no live object */
	uint32_t stack; /* of traced.stacks: one of those that were counted here */
	uint32_t file; /* of files; UINT32_MAX: unknown */
	uint32_t line; /* 0 by file */
};

/* What the tables say, with names. */
struct traced_lines_answer {
	struct traced traced;
	ARRAY(char *) files; /* UTF-8, as the process names them, not escaped */
	ARRAY(uint32_t) frame_files; /* by index of traced.frames: which of files; UINT32_MAX: cannot be read */
	enum traced_grouping by; /* of rows */
	ARRAY(struct traced_row) rows; /* largest first, as tracemalloc sorts */
	uint64_t bytes, count, object_bytes, free_bytes, free_count; /* of all rows */
};

int query_traced_lines(const struct query *query, const struct traced_lines_question *question,
                       struct traced_lines_answer *ret_answer);
void traced_lines_answer_clear(struct traced_lines_answer *lines);

/* "app/models.py:88" of a frame; "?:0" where its file cannot be read. Escaped for a terminal. */
void traced_lines_name(const struct traced_lines_answer *lines, uint64_t frame, struct text *text);

/* Where the block at address was asked for, most recent frame first, into lines (whose tables need not be read).
 * False: it is not traced. Looks at that one block. */
bool traced_lines_of_block(struct traced_lines_answer *lines, const struct query *query, uint64_t address,
                           uint64_t *ret_bytes, struct traced_stack *ret_stack);

#endif
