/* SPDX-License-Identifier: MIT */
#include "query/memory/memory.h"

#include <string.h>

#include "query/memory/memory_parts.h"
#include "query/memory/memory_verdict.h"

static int measure_regions(const struct query *query, struct memory_answer *answer)
{
	struct memory_regions regions;
	TRY(memory_regions_measure(query, answer->map, &regions));
	memcpy(answer->kinds, regions.kinds, sizeof answer->kinds);
	answer->mapped = answer->map->mapped;
	answer->resident = regions.resident;
	answer->residency = regions.residency;
	answer->private_bytes = regions.private_bytes;
	answer->named_bytes = regions.named_bytes;
	answer->returnable_resident = regions.returnable_resident;
	return OK;
}

static void add_use(struct glibc_use *sum, const struct glibc_use *use)
{
	sum->system += use->system;
	sum->free_blocks += use->free_blocks;
	sum->free_bytes += use->free_bytes;
	sum->fast_blocks += use->fast_blocks;
	sum->fast_bytes += use->fast_bytes;
	sum->cached_blocks += use->cached_blocks;
	sum->cached_bytes += use->cached_bytes;
	sum->used_blocks += use->used_blocks;
	sum->used_bytes += use->used_bytes;
	sum->top_bytes += use->top_bytes;
	sum->returnable += use->returnable;
}

static void sum_malloc(struct memory_answer *answer)
{
	const struct memory_map *map = answer->map;
	answer->has_malloc = map->walks.count > 0;
	for (size_t i = 0; i < map->walks.count; i++) {
		const struct glibc_walk *walk = &map->walks.items[i];
		add_use(&answer->malloc, &walk->all);
		answer->malloc_mapped += walk->mapped_found_bytes;
		answer->malloc_mapped_blocks += walk->mapped.count;
		if (!walk->is_confirmed) {
			answer->has_malloc = false;
			answer->refusal = walk->refusal;
			answer->refused_at = walk->refused_at;
		}
	}
	const struct glibc_use *use = &answer->malloc;
	const uint64_t known = use->free_bytes + use->fast_bytes + use->cached_bytes + use->used_bytes;
	answer->malloc_overhead = use->system > known ? use->system - known : 0;
}

int query_memory(const struct query *query, const struct memory_question *question, struct memory_answer *ret_answer)
{
	struct memory_answer *answer = ret_answer;
	const struct python_blocks *blocks;
	const struct heap_graph *graph;
	*answer = (struct memory_answer){ .map = NULL };
	TRY(target_objects(query->target, query->progress, &graph, query->error));
	answer->coverage = graph->coverage;
	TRY(target_memory(query->target, query->progress, &answer->map, query->error));
	TRY(target_blocks(query->target, query->progress, &blocks, query->error));
	TRY(pinned_find(&answer->pinned, query, answer->map));
	if (question->with_owners)
		TRY(pinned_find_owners(&answer->pinned, query, answer->map, question->limit));
	if (question->with_native)
		TRY(target_native(query->target, query->progress, &answer->native, query->error));
	/* After what leads to blocks of C code: libraries' pools may get their names by that. */
	TRY(measure_regions(query, answer));
	if (answer->native != NULL && answer->native->holders[NATIVE_UNSEEN].bytes < answer->named_bytes)
		answer->owned_bytes = answer->named_bytes - answer->native->holders[NATIVE_UNSEEN].bytes;
	if (question->with_regions)
		TRY(region_uses_find(&answer->regions, query, answer->map));
	sum_malloc(answer);
	answer->other_malloc = query->target->context->allocators.other;
	if (query->target->space->kind == SPACE_PROCESS)
		answer->has_usage = memory_usage_read(&answer->usage, query->target->space->pid);
	TRY(python_shares_find(&answer->shares, query, answer->map, blocks));
	TRY(memory_parts_make(query, blocks, answer));
	return memory_verdicts_make(query, answer);
}

void memory_answer_clear(struct memory_answer *answer)
{
	for (size_t i = 0; i < answer->verdicts.count; i++)
		text_free(&answer->verdicts.items[i].text);
	array_free(&answer->verdicts);
	array_free(&answer->parts);
	pinned_clear(&answer->pinned);
	region_uses_clear(&answer->regions);
	python_shares_clear(&answer->shares);
}
