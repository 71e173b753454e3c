/* SPDX-License-Identifier: MIT
 * held_below: what would go with an object but for C code: objects that only it and what goes with it refer to, and
 * that have more references counted than were found. A container of classes that pydantic's Rust code holds too retains
 * little, and clearing it frees much. */
#ifndef PYDS_QUERY_HELD_BELOW_H
#define PYDS_QUERY_HELD_BELOW_H

#include "query/query.h"

struct held_below {
	uint64_t count; /* such objects */
	uint64_t bytes; /* that they retain: at least what goes more if C code lets go of them too */
};

/* number: of an object in the dominator tree of the heap. */
int query_held_below(const struct query *query, const struct retained *heap, uint32_t number,
                     struct held_below *ret_below);

#endif
