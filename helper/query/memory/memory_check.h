/* SPDX-License-Identifier: MIT
 * memory_check: whether the sums over a process's memory close: regions against what was mapped, each allocator's parts
 * against the whole, objects against what their allocator has in use, owners of native blocks against all of them. */
#ifndef PYDS_QUERY_MEMORY_CHECK_H
#define PYDS_QUERY_MEMORY_CHECK_H

#include "query/query.h"

struct memory_sum {
	const char *what; /* of which bytes: a literal */
	const char *whole_name; /* what they are held against: a literal */
	uint64_t bytes, whole;
	bool is_at_most; /* less than the whole is right as well */
	bool closes;
	const char *reason; /* where more than the numbers says that it does not: a literal; NULL */
};

struct memory_check {
	ARRAY(struct memory_sum) sums;
	uint64_t open_count; /* of them, those that do not close */
	uint64_t refuted_blocks; /* of objects, that their allocator has in another size, or not in use: in no sum */
};

/* Goes through the whole memory and the heap. */
int query_memory_check(const struct query *query, struct memory_check *ret_check);
void memory_check_clear(struct memory_check *check);

#endif
