/* SPDX-License-Identifier: MIT
 * object: what is at an address: type, reference count, sizes, what leads to it, what it refers to. */
#ifndef PYDS_QUERY_OBJECT_H
#define PYDS_QUERY_OBJECT_H

#include "query/tracemalloc/allocated_at.h"
#include "query/approximate_below.h"
#include "query/holders/held_below.h"
#include "query/threads/lock_at.h"
#include "query/memory/native_beside.h"
#include "query/memory/native_leads.h"
#include "query/referents.h"

struct object_question {
	bool with_owner; /* retained size, name and lock: needs the graph of the whole heap */
	struct referents_question referents; /* with the object asked about */
};

struct object_answer {
	struct referents_answer referents; /* with address, type, description, reference count, state */
	uint64_t shallow, allocated; /* bytes */
	bool allocated_is_estimate;
	struct allocated_at allocated_at;
	/* With with_owner. */
	bool has_owner; /* the graph was asked */
	bool is_reachable; /* a root leads to it */
	uint64_t retained; /* bytes */
	struct native_beside native; /* of C code, of the whole heap, and in it what the object retains */
	struct native_leads_answer leads; /* blocks of C code that it leads to by itself */
	uint32_t number; /* of the object in the dominator tree, where is_reachable */
	struct approximate_below approximate; /* of retained */
	struct held_below from_c; /* what is not in retained since C code holds it too */
	struct text owner; /* what leads to it; "": nothing that has a name */
	struct lock_answer lock;
	/* Of a type: how its instances are decoded; NULL: the object is none. */
	const struct type_info *instances;
	struct coverage coverage;
};

/* As query_referents(). */
int query_object(const struct query *query, const struct object_question *question, struct object_answer *ret_answer);
void object_answer_clear(struct object_answer *answer);

#endif
