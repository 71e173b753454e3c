/* SPDX-License-Identifier: MIT
 * owners: what programs give names to: globals of modules, attributes of their classes, locals of frames that run; each
 * object once, under the first name that is met. */
#ifndef PYDS_QUERY_OWNERS_H
#define PYDS_QUERY_OWNERS_H

#include "base/array.h"
#include "query/query.h"

struct owner {
	char *name; /* "app.cache.SESSIONS", "app.models.User.registry", "local 'rows' of render() report.py"; escaped
	             */
	uint64_t address;
	uint64_t retained; /* bytes in the query's measure */
	uint32_t number; /* of the dominator tree */
	bool is_local;
};

typedef ARRAY(struct owner) owner_array;

/* Appends those that retain something, as they are met. */
int owners_find(const struct query *query, const struct retained *heap, owner_array *owners);
void owners_clear(owner_array *owners);

#endif
