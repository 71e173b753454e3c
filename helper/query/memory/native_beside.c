/* SPDX-License-Identifier: MIT */
#include "query/memory/native_beside.h"

#include "query/memory/memory_regions.h"

enum {
	POOLED_BYTES = 512, /* up to there an object lies in a pool, not in malloc's heaps */
};

/* What malloc gave out and objects of these sizes do not explain, and what no allocator explains. Both are cheap to
 * know: no object is decoded. */
static uint64_t guess(const struct heap_graph *graph, const struct memory_map *map,
                      const struct memory_regions *regions)
{
	uint64_t used = 0, objects = 0;
	for (size_t i = 0; i < map->walks.count; i++)
		if (map->walks.items[i].is_confirmed)
			used += map->walks.items[i].all.used_bytes + map->walks.items[i].mapped_found_bytes;
	for (uint32_t node = 0; node < graph->index.count; node++)
		if (graph->shallow[node] > POOLED_BYTES)
			objects += heap_graph_own(graph, node);
	const uint64_t other = regions->kinds[REGION_OTHER].resident + regions->kinds[REGION_POOL].resident;
	return (used > objects ? used - objects : 0) + other + map->allocators->jemalloc.allocated +
	       (map->mimalloc_pools.is_confirmed ? map->mimalloc_pools.used_bytes : 0);
}

static const char *why_left_out(const struct query *query, const struct native_beside *beside)
{
	if (query->measure == SIZE_NATIVE)
		return "the measure is native";
	if (query->no_native)
		return "--no-native leaves them out";
	if (beside->guess < NATIVE_WORTH_BYTES || beside->guess < beside->private_bytes / NATIVE_WORTH_SHARE)
		return "C code has less than a megabyte or a fiftieth of the private memory: the command native looks "
		       "for it";
	return NULL;
}

static int look(const struct query *query, bool with_retained, struct native_beside *ret_beside)
{
	struct target *target = query->target;
	const struct memory_map *map;
	const struct native_graph *native;
	struct memory_regions regions;
	*ret_beside = (struct native_beside){ .is_known = false };
	TRY(target_memory(target, query->progress, &map, query->error));
	TRY(memory_regions_measure(query, map, &regions));
	ret_beside->private_bytes = regions.private_bytes;
	ret_beside->named_bytes = regions.named_bytes;
	ret_beside->guess = guess(target->heap->graph, map, &regions);
	ret_beside->left_out = why_left_out(query, ret_beside);
	if (ret_beside->left_out != NULL)
		return OK;
	if (with_retained)
		TRY(target_native_retained(target, query->progress, &ret_beside->retained, query->error));
	TRY(target_native(target, query->progress, &native, query->error));
	ret_beside->total = native->holders[NATIVE_OBJECT].bytes;
	ret_beside->is_known = ret_beside->total > 0;
	ret_beside->is_exact = native->exact.bytes == ret_beside->total;
	/* Libraries' pools may have got their names by now. */
	TRY(memory_regions_measure(query, map, &regions));
	ret_beside->named_bytes = regions.named_bytes;
	return OK;
}

int query_native_beside(const struct query *query, struct native_beside *ret_beside)
{
	return look(query, true, ret_beside);
}

int query_native_beside_sums(const struct query *query, struct native_beside *ret_beside)
{
	return look(query, false, ret_beside);
}
