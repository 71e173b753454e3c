/* SPDX-License-Identifier: MIT
 * memory_regions: sums over all that a process had mapped, by kind of owner. */
#ifndef PYDS_QUERY_MEMORY_REGIONS_H
#define PYDS_QUERY_MEMORY_REGIONS_H

#include "memory/residency.h"
#include "query/query.h"

struct region_total {
	uint64_t count, mapped, present, resident;
};

struct memory_regions {
	struct region_total kinds[REGION_KIND_COUNT];
	uint64_t resident; /* of all */
	enum residency_source residency;
	uint64_t private_bytes; /* writable and private, resident as far as that is known */
	uint64_t named_bytes; /* of these, with an owner that is known */
	uint64_t returnable_resident; /* of what malloc_trim(0) would return */
};

int memory_regions_measure(const struct query *query, const struct memory_map *map, struct memory_regions *ret_regions);

#endif
