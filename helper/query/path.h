/* SPDX-License-Identifier: MIT
 * path: why an object is alive: the shortest ways to it from a root, reference by reference. */
#ifndef PYDS_QUERY_PATH_H
#define PYDS_QUERY_PATH_H

#include "query/bearings.h"

struct path_question {
	uint64_t object;
	uint64_t through; /* only ways that pass this object; 0: any way */
	uint32_t count; /* paths at most */
	uint64_t step_limit; /* of one path; UINT64_MAX: all */
	bool cuts_end; /* a longer one is cut off, else its middle is left out */
	bool with_next; /* where one more path begins */
};

struct path_step {
	uint64_t address;
	const struct type_info *type; /* NULL: it cannot be read */
	struct text label; /* of the reference that leads to it; "": it has none that can be named */
	bool has_label; /* the reference was found */
	struct text frame; /* of a frame object: "render() report.py:88"; else "" */
	uint64_t retained; /* bytes */
	bool accumulates; /* every path to the object passes here, and below here its memory spreads most */
	uint64_t left_out; /* the step stands for itself and those after it, so many in all, that have no row; else 0 */
};

struct path_row {
	struct text root; /* "interpreter 0 → sys.modules" */
	const char *root_kind; /* holder_kind_name() */
	uint64_t step_count; /* with a row or not */
	ARRAY(struct path_step) steps;
};

struct path_answer {
	uint64_t address;
	const struct type_info *type; /* NULL: it cannot be read */
	struct text description; /* names_describe() */
	int64_t refcount; /* query.h */
	struct text name; /* what leads to it; "": nothing that has a name */
	bool is_known; /* an object of the heap */
	bool is_reachable; /* a root leads to it; else there are no paths, and retained is 0 */
	uint64_t retained, heap_bytes; /* of it, of all that is reachable */
	ARRAY(struct path_row) paths; /* shortest first */
	bool is_last_resort; /* nothing but C code or the runtime's own memory leads to it */
	bool has_next;
	struct {
		struct text beginning;
		uint64_t steps;
	} next; /* of with_next, where there is one */
	uint64_t referrers; /* distinct objects and holders that refer to it */
	bool is_held_from_c; /* its reference count is larger than what was found */
	struct coverage coverage;
};

/* What was found till then is in the answer after ERROR_CANCELLED, too. */
int query_path(const struct query *query, const struct bearings *bearings, const struct path_question *question,
               struct path_answer *ret_answer);
void path_answer_clear(struct path_answer *answer);

#endif
