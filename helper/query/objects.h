/* SPDX-License-Identifier: MIT
 * objects: every object of the heap, row by row, while the heap is gone through. Nothing is allocated for a row; only a
 * sorted answer holds its rows, 16 bytes each, and no more than twice the limit. */
#ifndef PYDS_QUERY_OBJECTS_H
#define PYDS_QUERY_OBJECTS_H

#include "base/array.h"
#include "graph/heap/heap_cursor.h"
#include "query/query.h"
#include "query/type_filter.h"

enum objects_order { OBJECTS_BY_ADDRESS, OBJECTS_BY_SHALLOW, OBJECTS_BY_TYPE }; /* as in commands.def */

struct objects_question {
	struct type_filter types;
	uint64_t min_bytes; /* in the query's measure */
	uint64_t limit; /* rows; UINT64_MAX: all */
	enum objects_order order; /* by size in the query's measure */
	bool with_details; /* whether it is tracked, approximate, and its allocated size in any measure */
};

struct object_row {
	uint64_t address, shallow;
	uint64_t allocated; /* with details, or where it is the query's measure; else 0 */
	uint64_t native; /* of C code, where that is the query's measure; else 0 */
	const struct type_info *type;
	bool is_tracked; /* as gc.is_tracked(); with details */
	bool is_approximate; /* as allocated */
	bool is_reachable; /* a root leads to it */
};

static inline uint64_t object_row_bytes(const struct object_row *row, enum size_measure measure)
{
	return measure == SIZE_ALLOCATED ? row->allocated : measure == SIZE_NATIVE ? row->native : row->shallow;
}

/* A row that waits for being sorted. */
struct waiting_object {
	uint64_t bytes;
	uint32_t node;
	uint32_t type; /* type_info.index */
};

struct objects {
	/* Of all objects that pass the filters, once objects_next() has said that there are no more. */
	uint64_t matching, shallow, allocated, native; /* objects, bytes */
	uint64_t shown; /* rows so far */
	const struct coverage *coverage; /* the heap's */
	/* Private. */
	const struct query *query;
	struct objects_question question;
	const struct retained *heap;
	struct heap_cursor cursor;
	ARRAY(uint8_t) passes; /* by type_info.index: 0 not asked yet, 1 no, 2 yes */
	ARRAY(struct waiting_object) waiting;
	size_t next_waiting;
	bool is_gathered; /* all objects were looked at */
};

/* Whatever comes of it, objects_close() ends it. */
int objects_open(struct objects *ret_objects, const struct query *query, const struct objects_question *question);
/* 1 and the next row; 0: there are no more; a negative status. */
int objects_next(struct objects *objects, struct object_row *ret_row);
void objects_close(struct objects *objects);

#endif
