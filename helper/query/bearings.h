/* SPDX-License-Identifier: MIT
 * bearings: what questions about ways through a heap take: the heap, names for what is in it, and where paths begin.
 * Opened once for all objects that one command asks about. */
#ifndef PYDS_QUERY_BEARINGS_H
#define PYDS_QUERY_BEARINGS_H

#include "query/naming.h"
#include "query/origins.h"

struct bearings {
	const struct retained *heap; /* in the query's measure; the target's */
	struct naming *naming;
	struct origins origins;
};

/* To be cleared after a failure, too. */
int bearings_open(struct bearings *ret_bearings, const struct query *query);
void bearings_clear(struct bearings *bearings);

/* Address of an object by its number; 0: a holder. */
static inline uint64_t bearings_address(const struct bearings *bearings, uint32_t number)
{
	uint32_t holder;
	return retained_node(bearings->heap, number, &holder);
}

#endif
