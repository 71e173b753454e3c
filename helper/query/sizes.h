/* SPDX-License-Identifier: MIT
 * sizes: shallow and allocated size of an object, and the parts that make them up. */
#ifndef PYDS_QUERY_SIZES_H
#define PYDS_QUERY_SIZES_H

#include "base/array.h"
#include "query/tracemalloc/allocated_at.h"

/* A block that the object owns beside its own memory. */
struct size_part {
	const char *role; /* "keys table" */
	struct allocation allocation;
	uint64_t bytes; /* as decoded */
	uint64_t counted_bytes; /* what of them sys.getsizeof() says */
	bool is_counted; /* in sys.getsizeof() */
	bool is_allocated; /* in the allocated size */
	bool is_shared; /* with other objects */
	bool is_interior; /* inside memory that was allocated for something else too */
};

struct size_answer {
	uint64_t address;
	struct object_state state;
	struct text description; /* names_describe() */
	int64_t refcount; /* query.h */
	uint64_t shallow, allocated; /* bytes */
	bool allocated_is_estimate;
	uint64_t presize; /* of shallow: headers before the object */
	uint64_t object_bytes; /* of shallow: the object's own, without presize and parts */
	struct allocation own; /* the object with what precedes it */
	bool has_preheader; /* more than a GC head precedes it */
	ARRAY(struct size_part) parts;
	struct allocated_at allocated_at;
	struct coverage coverage;
	size_t place; /* in a list: as which it was added */
};

/* ERROR_NOT_FOUND: there is no object at this address. */
int query_size(const struct query *query, uint64_t object, struct size_answer *ret_answer);
void size_answer_clear(struct size_answer *answer);

enum sizes_order { SIZES_AS_GIVEN, SIZES_BY_SHALLOW, SIZES_BY_ALLOCATED, SIZES_BY_TYPE }; /* as in commands.def */

/* Several of them, owned. */
struct size_list {
	ARRAY(struct size_answer) rows;
	uint64_t shallow, allocated, approximate; /* sums; objects of which one of the two is an estimate */
};

/* Takes the answer. False: out of memory; it is still the caller's. */
bool size_list_add(struct size_list *list, const struct size_answer *answer);
/* Equal ones stay in the order in which they were added. */
void size_list_sort(struct size_list *list, enum sizes_order order);
void size_list_clear(struct size_list *list);

#endif
