/* SPDX-License-Identifier: MIT
 * native_reached: bytes of C code behind all that a walk has reached: those that hang on objects among it, and those
 * that such objects lead to and share with others, so that they hang on nothing that was reached. */
#ifndef PYDS_QUERY_NATIVE_REACHED_H
#define PYDS_QUERY_NATIVE_REACHED_H

#include "query/query.h"

struct native_reached_question {
	const struct walk *walk; /* that has just been made, over the same target */
	enum policy policy; /* of it */
	uint32_t top; /* number in the dominator tree of the object that it began at; UINT32_MAX: garbage */
};

/* Needs the heap and its native blocks, which are made if nobody asked for them. */
int query_native_reached(const struct query *query, const struct native_reached_question *question,
                         uint64_t *ret_bytes);

#endif
