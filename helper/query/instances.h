/* SPDX-License-Identifier: MIT
 * instances: the objects of the whole heap whose type plays a part in a question, in order of address. */
#ifndef PYDS_QUERY_INSTANCES_H
#define PYDS_QUERY_INSTANCES_H

#include "base/array.h"
#include "base/progress.h"
#include "target/target.h"

struct instance {
	uint64_t address;
	uint32_t node; /* of the heap graph */
	uint8_t role; /* what classify() said of its type; never 0 */
};

typedef ARRAY(struct instance) instance_array;

/* Appends all objects whose type has a role. classify() is asked once for each type; 0: none. */
int instances_find(instance_array *instances, struct target *target, const struct retained *heap,
                   uint8_t (*classify)(struct decoder *decoder, const struct type_info *type),
                   struct progress *progress, struct error *error);

#endif
