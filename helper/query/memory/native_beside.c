/* SPDX-License-Identifier: MIT */
#include "query/memory/native_beside.h"

#include "query/memory/memory_regions.h"

enum {
	BLOCK_BYTES = 512, /* that are searched in the time that a block takes */
	CHEAP_BLOCKS = 1 << 23, /* two seconds, and 200 MB: nobody need be asked */
	COSTLY_SHARE = 2, /* more than the objects divided by that: more than half of all the rest's time */
	PEAK_BYTES = 64, /* of ours, a block, with a word that leads to it and to another one */
	POOL_GRANULE = 16, /* sizes of small blocks are multiples of it */
	POOL_SLACK = 4, /* one part of so many in pools may be rounding, free lists and tables of Python's own */
};

/* Of what no row has anything. */
#define NATIVE_REFUSED "malloc's heaps do not confirm themselves, so that its blocks are not known: memory says where"

/* What malloc gave out to whoever it was. */
static uint64_t malloc_bytes(const struct memory_map *map)
{
	uint64_t used = 0;
	for (size_t i = 0; i < map->walks.count; i++)
		if (map->walks.items[i].is_confirmed)
			used += map->walks.items[i].all.used_bytes + map->walks.items[i].mapped_found_bytes;
	return used;
}

/* What no allocator explains, or one that objects do not come from. */
static uint64_t other_bytes(const struct memory_map *map, const struct memory_regions *regions)
{
	return regions->kinds[REGION_OTHER].resident + regions->kinds[REGION_POOL].resident +
	       map->allocators->jemalloc.allocated +
	       (map->mimalloc_pools.is_confirmed ? map->mimalloc_pools.used_bytes : 0);
}

/* mimalloc has all objects where it is used, and what PyMem_Malloc() gives; since 3.15 malloc may have nothing. */
static bool has_mimalloc(const struct memory_map *map)
{
	return map->mimalloc.used_bytes > 0;
}

static uint64_t beyond(uint64_t used, uint64_t explained)
{
	return used > explained ? used - explained : 0;
}

/* What malloc gave out and large objects do not explain, what pools have in use that is far more than the other
 * objects, and all else. All is cheap to know: no object is decoded. */
static uint64_t guess(const struct heap_graph *graph, const struct memory_map *map,
                      const struct memory_regions *regions)
{
	const uint64_t pooled = has_mimalloc(map) ? map->mimalloc.used_bytes : map->pymalloc.used_bytes;
	uint64_t large = 0, small = 0;
	for (uint32_t node = 0; node < graph->index.count; node++)
		if (graph->shallow[node] > LARGE_BYTES)
			large += heap_graph_own(graph, node);
		else
			small += (graph->shallow[node] + POOL_GRANULE - 1) & ~(uint32_t)(POOL_GRANULE - 1);
	const uint64_t in_pools = beyond(pooled, has_mimalloc(map) ? small + large : small);
	return beyond(malloc_bytes(map), has_mimalloc(map) ? 0 : large) +
	       (in_pools >= pooled / POOL_SLACK ? in_pools : 0) + other_bytes(map, regions);
}

/* Bytes that are worth a look. */
static uint64_t least_worth(uint64_t private_bytes)
{
	const uint64_t share = private_bytes / NATIVE_WORTH_SHARE;
	return share > NATIVE_WORTH_BYTES ? share : NATIVE_WORTH_BYTES;
}

/* How many blocks are as much work as these, at most: Python's own are among them. */
static uint64_t work_of(const struct memory_map *map, uint64_t bytes)
{
	uint64_t blocks = map->mimalloc_pools.is_confirmed ? map->mimalloc_pools.used_blocks : 0;
	for (size_t i = 0; i < map->walks.count; i++)
		if (map->walks.items[i].is_confirmed)
			blocks += map->walks.items[i].all.used_blocks + map->walks.items[i].mapped.count;
	return blocks + bytes / BLOCK_BYTES;
}

static bool is_costly(const struct query *query, uint64_t work)
{
	if (query->native_most != 0)
		return work > query->native_most;
	return work > CHEAP_BLOCKS && work > query->target->heap->graph->index.count / COSTLY_SHARE;
}

static bool is_refused(const struct memory_map *map)
{
	for (size_t i = 0; i < map->walks.count; i++)
		if (!map->walks.items[i].is_confirmed)
			return true;
	return false;
}

/* What the command that is asked leaves out by itself, though there may be much of it. */
static const char *why_costly(const struct query *query, const struct memory_map *map, uint64_t bytes)
{
	const uint64_t work = work_of(map, bytes);
	if (query->target->native != NULL)
		return NULL;
	if (is_costly(query, work))
		return query->native_most != 0
		               ? "more work than --native-most allows; the command native looks at all of them"
		               : "too many to be looked at unasked; --native-most N allows more, the command native "
		                 "looks "
		                 "at all of them";
	if (address_space_require(query->target->space, work * PEAK_BYTES, "", NULL) != OK)
		return "too little memory is left for them; --max-memory SIZE may allow more";
	return NULL;
}

static const char *why_left_out(const struct query *query, const struct memory_map *map,
                                struct native_beside *ret_beside)
{
	if (query->measure == SIZE_NATIVE)
		return "the measure is native";
	if (query->no_native)
		return "--no-native leaves them out";
	const bool is_little = ret_beside->guess < least_worth(ret_beside->private_bytes);
	/* What malloc gave out is not known then, and no guess. */
	if (is_refused(map)) {
		ret_beside->is_missed = true;
		return is_little ? NATIVE_REFUSED : why_costly(query, map, ret_beside->guess);
	}
	if (is_little)
		return "C code has less than a megabyte or a fiftieth of the private memory: the command native looks "
		       "for it";
	const char *costly = why_costly(query, map, ret_beside->guess);
	ret_beside->is_missed = costly != NULL;
	return costly;
}

int query_heap_and_blocks(const struct query *query, const struct retained **ret_heap)
{
	struct target *target = query->target;
	const struct memory_map *map;
	struct memory_regions regions;
	if (target->heap == NULL && query->measure != SIZE_NATIVE && !query->no_native) {
		/* What malloc gave out is read of all its chunks. */
		TRY(target_require_heap(target, query->error));
		TRY(target_memory(target, query->progress, &map, query->error));
		TRY(memory_regions_measure(query, map, &regions));
		/* As guess() will say of it: what is worth a look then. */
		const uint64_t worth = least_worth(regions.private_bytes), other = other_bytes(map, &regions);
		const uint64_t used = malloc_bytes(map), all = used + other;
		const bool is_enough = other >= worth || has_mimalloc(map);
		if (all >= worth)
			TRY(target_note_blocks(target, is_enough ? UINT64_MAX : all - worth, query->progress,
			                       query->error));
	}
	return query_heap(query, ret_heap);
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
	ret_beside->left_out = why_left_out(query, map, ret_beside);
	if (ret_beside->left_out != NULL)
		return OK;
	if (with_retained)
		TRY(target_native_retained(target, query->progress, &ret_beside->retained, query->error));
	TRY(target_native(target, query->progress, &native, query->error));
	ret_beside->total = native->holders[NATIVE_OBJECT].bytes;
	ret_beside->garbage = native->holders[NATIVE_GARBAGE].bytes;
	ret_beside->is_known = ret_beside->total + ret_beside->garbage > 0;
	ret_beside->is_exact = native->exact.bytes == ret_beside->total + ret_beside->garbage;
	/* Libraries' pools may have got their names by now. */
	if (target->blocks->known.count > 0)
		TRY(memory_regions_measure(query, map, &regions));
	ret_beside->named_bytes = regions.named_bytes;
	ret_beside->left_out = ret_beside->is_missed ? NATIVE_REFUSED : NULL;
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
