/* SPDX-License-Identifier: MIT
 * tree: the first levels of references below an object, grouped by the name of the reference and the type of what it
 * refers to, each with the deep size it contributes. */
#ifndef PYDS_QUERY_TREE_H
#define PYDS_QUERY_TREE_H

#include "base/array.h"
#include "query/query.h"

struct tree_question {
	uint64_t object;
	enum policy policy;
};

/* Objects reached through references of one name, all of one type. */
struct tree_group {
	const struct type_info *type;
	const char *kind; /* a literal that says the name where label is empty; "" of the object asked about */
	struct text label; /* the name where it is one reference's */
	uint64_t own_count, own; /* the members themselves: objects, bytes */
	uint64_t count, bytes; /* members and all that was reached from them first */
	struct tree_group *first, *last, *next; /* children, largest first, none without objects; siblings */
	uint32_t child_count;
	/* While it is made: */
	uint64_t key; /* tells groups of one kind apart: a key object, a literal; 0 */
	ARRAY(uint64_t) members;
};

struct tree_answer {
	struct tree_group *root; /* the object itself; NULL: not even that */
};

/* What was found till then is in the answer after ERROR_CANCELLED, too. */
int query_tree(const struct query *query, const struct tree_question *question, struct tree_answer *ret_answer);
void tree_answer_clear(struct tree_answer *answer);

static inline const char *tree_group_name(const struct tree_group *group)
{
	return group->label.length > 0 ? text_string(&group->label) : group->kind;
}

#endif
