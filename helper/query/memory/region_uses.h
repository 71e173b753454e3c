/* SPDX-License-Identifier: MIT
 * region_uses: of each region of a process how much of it is in the dump, was resident, is in use and is free, as far
 * as its owner says. */
#ifndef PYDS_QUERY_REGION_USES_H
#define PYDS_QUERY_REGION_USES_H

#include "memory/residency.h"
#include "query/query.h"

struct region_use { /* bytes */
	uint64_t present; /* in the dump */
	uint64_t resident, resident_most; /* the same where it is known, else bounds */
	/* Of an allocator that was gone through, a stack, frames, a mapping of an object. What is neither is what the
	 * owner needs for itself: headers, rounding. */
	uint64_t used, cached, free; /* cached: kept by threads for their next calls */
	bool has_use; /* false: nobody knows how much of it is in use */
};

struct region_uses {
	ARRAY(struct region_use) items; /* as map->regions */
	enum residency_source residency;
};

/* Reads as much as is resident where nothing else says what was. */
int region_uses_find(struct region_uses *uses, const struct query *query, const struct memory_map *map);
void region_uses_clear(struct region_uses *uses);

#endif
