/* SPDX-License-Identifier: MIT
 * top: the dominator tree from the top. Interpreters, threads and sys.modules hold everything and say nothing: their
 * children are the branches. A branch is followed down while one child holds most of it; the others that it passes are
 * branches too; small ones of one type are one row. Rows and the rest are the whole, on every level. */
#ifndef PYDS_QUERY_TOP_H
#define PYDS_QUERY_TOP_H

#include "base/array.h"
#include "query/memory/native_beside.h"
#include "query/query.h"
#include "query/type_filter.h"

enum { TOP_LEVELS = 3, TOP_CHILDREN = 6 };

struct top_question {
	struct type_filter types; /* of branches; a frame's is "frame" */
	uint64_t min_bytes; /* only branches that retain as much */
	uint64_t limit; /* branches; UINT64_MAX: all */
	bool of_garbage; /* the tree of what no root reaches */
	bool with_children; /* TOP_LEVELS levels below each branch, TOP_CHILDREN rows each */
	uint32_t smallest_share; /* no child below 1/smallest_share of the heap; 0: whatever they hold */
};

/* What has no row of its own: rows that were left out, with their objects; and in retained what holds all rows, too. */
struct top_rest {
	uint64_t rows, retained, count;
	uint64_t native; /* of C code, as retained */
};

struct top_row {
	uint64_t address; /* of the largest object of the row; of a frame */
	const struct type_info *type; /* NULL: a frame that runs */
	struct text name; /* what leads to it, or what several have in common; "": nothing that has a name */
	struct text description; /* names_describe(); "" of a frame */
	struct text line; /* that asked for it, or for several of its objects that were looked at: "app/models.py:88";
	                   * "": tracemalloc was off, or they differ */
	uint32_t level; /* 0: a branch; else a row below the last one of the level above */
	uint32_t depth; /* in the dominator tree, the process is 0 */
	uint64_t count; /* objects of the row: several are siblings of one type, frames of one code */
	uint64_t retained; /* bytes */
	uint64_t native; /* bytes of C code that hang on what it retains */
	struct {
		uint64_t address, retained;
		struct text name; /* only where it holds over 1/20 more than the row */
	} start; /* where following the branch down began */
	uint32_t child_count; /* rows of the next level that belong to it */
	struct top_rest rest; /* what is not in a row of its children */
};

struct top_answer {
	ARRAY(struct top_row) rows; /* largest first, each followed by its children */
	uint64_t object_count, heap_bytes; /* reachable; of_garbage: not reachable */
	bool is_garbage;
	uint64_t garbage_count, garbage_bytes; /* objects that no root reaches; of_garbage: 0 */
	struct top_rest rest; /* what is in no row: heap_bytes less those of all branches */
	uint64_t first; /* the largest object that passes them; 0: none */
	enum size_measure measure;
	struct native_beside native;
	struct coverage coverage;
};

int query_top(const struct query *query, const struct top_question *question, struct top_answer *ret_answer);
void top_answer_clear(struct top_answer *answer);

#endif
