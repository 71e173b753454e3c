/* SPDX-License-Identifier: MIT
 * diff: what grew between two or three targets, older first: the same process at several times, or several runs of one
 * program. By type, by owner, by line where tracemalloc was on, and, where it is one process, object by object. */
#ifndef PYDS_QUERY_DIFF_H
#define PYDS_QUERY_DIFF_H

#include "base/array.h"
#include "query/query.h"

enum { DIFF_MOST_SIDES = 3 };

struct diff_question {
	struct target *sides[DIFF_MOST_SIDES]; /* older first */
	uint32_t side_count; /* 2 or 3 */
	bool with_retained; /* also of the types, each as a whole */
	uint64_t object_limit; /* objects listed one by one */
};

/* What one side has of a row. */
struct diff_sum {
	uint64_t count, bytes, retained;
};

struct diff_row {
	char *name; /* of a type, an owner, a line: escaped */
	struct diff_sum sides[DIFF_MOST_SIDES]; /* owners: count 1 where it is there, and retained */
	uint64_t address; /* owner: in the last side that has it */
};

/* An object that the first side does not have and all later ones do, at the same address and of the same type: so in
 * all likelihood the same one. */
struct diff_object {
	uint64_t address, bytes, retained;
	const struct type_info *type; /* the last target's */
	uint32_t number; /* of the last heap's dominator tree */
	struct text name; /* what leads to it there; "": nothing that has a name; only of those listed */
};

typedef ARRAY(struct diff_row) diff_rows;

struct diff_answer {
	uint32_t side_count;
	struct diff_sum total[DIFF_MOST_SIDES]; /* of all objects that are reachable */
	diff_rows types, owners; /* what grew most first, what shrank most last */
	diff_rows lines; /* the same; empty unless tracemalloc was on in all */
	diff_rows memory; /* what the process had mapped, by owner: "malloc heaps: in use by C code"; the same order */
	bool is_traced;
	bool was_one_by_one; /* there was no room for two graphs at once: the earlier ones were given up */
	bool is_same_process; /* objects can be compared */
	ARRAY(struct diff_object) objects; /* largest retained first */
	diff_rows object_types; /* all of them by type, in the last side's place */
	struct diff_sum object_total;
	struct coverage coverage; /* of all sides */
};

/* query: its target is the last side. */
int query_diff(const struct query *query, const struct diff_question *question, struct diff_answer *ret_answer);
void diff_answer_clear(struct diff_answer *answer);

#endif
