/* SPDX-License-Identifier: MIT
 * instances: the objects of the whole heap whose type plays a part in a question, in order of address. */
#ifndef PYDS_QUERY_INSTANCES_H
#define PYDS_QUERY_INSTANCES_H

#include "base/array.h"
#include "query/query.h"

struct instance {
	uint64_t address;
	uint32_t node; /* of the heap graph */
	uint8_t role; /* what classify() said of its type; never 0 */
};

typedef ARRAY(struct instance) instance_array;

/* The role that instances of a type play; 0: none. */
typedef uint8_t classify_type(struct decoder *decoder, const struct type_info *type);

/* Appends all objects of the query's heap whose type has a role; classify() is asked once for each type. */
int instances_find(instance_array *instances, const struct query *query, classify_type *classify);

#endif
