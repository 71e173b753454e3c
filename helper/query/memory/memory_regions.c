/* SPDX-License-Identifier: MIT */
#include "query/memory/memory_regions.h"

int memory_regions_measure(const struct query *query, const struct memory_map *map, struct memory_regions *ret_regions)
{
	struct residency residency;
	*ret_regions = (struct memory_regions){ .resident = 0 };
	TRY(residency_open(&residency, query->target->space, query->error));
	ret_regions->residency = residency.source;
	int status = OK;
	for (size_t i = 0; i < map->regions.count && status == OK; i++) {
		const struct region *region = &map->regions.items[i];
		struct region_total *total = &ret_regions->kinds[region->kind];
		const uint64_t bytes = region->end - region->start;
		const uint64_t resident =
		        region->kind != REGION_RESERVED ? residency_bytes(&residency, region->start, region->end) : 0;
		total->count++;
		total->mapped += bytes;
		total->present += region->is_present ? bytes : 0;
		total->resident += resident;
		ret_regions->resident += resident;
		if (region->is_writable && region->kind != REGION_RESERVED) {
			ret_regions->private_bytes += resident;
			ret_regions->named_bytes += region->kind != REGION_OTHER ? resident : 0;
		}
		status = progress_check(query->progress, query->error);
	}
	for (size_t i = 0; i < map->walks.count && status == OK; i++)
		for (size_t j = 0; j < map->walks.items[i].returnable.count; j++)
			ret_regions->returnable_resident +=
			        residency_bytes(&residency, map->walks.items[i].returnable.items[j].start,
			                        map->walks.items[i].returnable.items[j].end);
	residency_close(&residency);
	return status;
}
