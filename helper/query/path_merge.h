/* SPDX-License-Identifier: MIT
 * path_merge: a shortest path to every object of a type, as one tree with counts: paths are one as long as they go over
 * references of the same name between objects of the same types. */
#ifndef PYDS_QUERY_PATH_MERGE_H
#define PYDS_QUERY_PATH_MERGE_H

#include "base/array.h"
#include "query/query.h"

struct path_merge_question {
	const char *type; /* a pattern, as in type_filter.h */
};

/* Objects that paths reach in the same way. */
struct path_group {
	uint32_t parent, depth; /* index of the group above; the first has depth 0 and is above all */
	uint32_t first, next; /* children, most objects first, and siblings; 0: none */
	uint32_t child_count;
	const struct type_info *type; /* NULL: a root that is no object */
	const char *kind; /* a literal that says the name where label is NULL */
	char *label; /* the name where it is one reference's */
	uint64_t count; /* objects of the type to which paths lead through here */
	uint64_t ends; /* of them, those in this group */
	uint64_t members; /* objects of the group */
	uint64_t example; /* address of one of them, or 0 */
	bool repeats; /* the group is reached from itself */
};

struct path_merge_answer {
	ARRAY(struct path_group) groups; /* one stands after its parent; the first is what holds all roots */
	uint64_t found, not_reached; /* objects of the type; of them, those that no root reaches */
	uint64_t bytes; /* of all of them */
	enum size_measure measure;
	struct coverage coverage;
};

/* ERROR_NOT_FOUND: no object has such a type. */
int query_path_merge(const struct query *query, const struct path_merge_question *question,
                     struct path_merge_answer *ret_answer);
void path_merge_answer_clear(struct path_merge_answer *answer);

static inline const char *path_group_name(const struct path_group *group)
{
	return group->label != NULL ? group->label : group->kind;
}

#endif
