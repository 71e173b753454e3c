/* SPDX-License-Identifier: MIT */
#include "query/memory/region_uses.h"

#include "allocator/glibc_chunks.h"
#include "base/bytes.h"

struct finding {
	const struct query *query;
	const struct memory_map *map;
	struct reader reader;
	uint64_t steps;
};

static uint64_t overlap(const struct region *region, uint64_t start, uint64_t end)
{
	const uint64_t from = start > region->start ? start : region->start, to = end < region->end ? end : region->end;
	return to > from ? to - from : 0;
}

/* The chunks of one piece of a heap. */
static int use_heap(struct finding *finding, const struct region *region, struct region_use *use)
{
	const struct glibc_walk *walk = &finding->map->walks.items[region->glibc];
	const struct glibc_heap *heap = &walk->glibc->heaps.items[region->index];
	const uint64_t own = overlap(region, heap->start, heap->first_chunk);
	struct glibc_cursor cursor;
	struct glibc_chunk chunk;
	if (!walk->is_confirmed)
		return OK;
	glibc_cursor_init(&cursor, walk, &finding->reader, region->start);
	while (glibc_cursor_next(&cursor, &chunk)) {
		const uint64_t start = chunk.address - GLIBC_CHUNK_HEADER;
		if (start >= region->end)
			break;
		use->used += overlap(region, start, start + chunk.bytes);
		if (progress_look(finding->query->progress, &finding->steps) != OK)
			return query_cancelled(finding->query);
	}
	for (size_t i = 0; i < walk->cached.count; i++) {
		const uint64_t start = walk->cached.items[i] - GLIBC_CHUNK_HEADER;
		uint64_t bytes, flags;
		if (start >= region->end)
			break;
		if (glibc_chunk(&finding->reader, start, UINT64_MAX, &bytes, &flags))
			use->cached += overlap(region, start, start + bytes);
	}
	use->free = region->end - region->start - use->used - use->cached - own;
	use->has_use = true;
	return OK;
}

static void use_stack(struct finding *finding, const struct region *region, struct region_use *use)
{
	const uint64_t pointer = finding->query->target->space->threads.items[region->index].stack_pointer;
	if (pointer < region->start || pointer >= region->end)
		return;
	use->used = region->end - pointer;
	use->free = pointer - region->start;
	use->has_use = true;
}

/* A chunk of frames: the thread says how far its last one is used, and each other one says it of itself
 * (Python/pystate.c push_chunk: in words). */
static void use_frames(struct finding *finding, const struct region *region, struct region_use *use)
{
	const struct layout *layout = finding->map->allocators->layout;
	const uint64_t thread = finding->query->target->runtime->threads.items[region->index].address;
	uint64_t chunk, top;
	if (!layout_has(layout, FIELD_PyThreadState_datastack_top) || !layout_has(layout, FIELD__PyStackChunk_top) ||
	    !layout_has(layout, FIELD__PyStackChunk_data) ||
	    !reader_u64(&finding->reader, thread + layout_offset(layout, FIELD_PyThreadState_datastack_chunk), &chunk))
		return;
	const bool is_last = chunk == region->start;
	const uint64_t place = is_last ? thread + layout_offset(layout, FIELD_PyThreadState_datastack_top)
	                               : region->start + layout_offset(layout, FIELD__PyStackChunk_top);
	if (!reader_u64(&finding->reader, place, &top))
		return;
	const uint64_t used = is_last ? top - region->start : top * 8 + layout_offset(layout, FIELD__PyStackChunk_data);
	if (used > region->end - region->start)
		return;
	use->used = used;
	use->free = region->end - region->start - used;
	use->has_use = true;
}

static void use_extent(struct finding *finding, const struct region *region, struct region_use *use)
{
	const struct jemalloc_extent *extent = &finding->map->allocators->jemalloc.extents.items[region->index];
	const uint64_t bytes = region->end - region->start;
	use->has_use = true;
	if (extent->state == JEMALLOC_ACTIVE && extent->is_slab)
		use->free = (uint64_t)extent->free_regions * extent->region_bytes;
	else if (extent->state != JEMALLOC_ACTIVE)
		use->free = bytes;
	use->free = use->free < bytes ? use->free : bytes;
	use->used = bytes - use->free;
}

/* Sums that an allocator has of a whole arena or segment, of which the region may be a piece. */
static void use_whole(const struct region *region, uint64_t whole, uint64_t used, uint64_t free_bytes,
                      struct region_use *use)
{
	if (region->end - region->start != whole)
		return;
	use->used = used;
	use->free = free_bytes;
	use->has_use = true;
}

static int find_use(struct finding *finding, const struct region *region, struct region_use *use)
{
	const struct memory_map *map = finding->map;
	switch ((enum region_kind)region->kind) {
	case REGION_HEAP:
		return use_heap(finding, region, use);
	case REGION_STACK:
		use_stack(finding, region, use);
		break;
	case REGION_DATA_STACK:
		use_frames(finding, region, use);
		break;
	case REGION_PYMALLOC: {
		const struct pymalloc_arena *arena = &map->allocators->pymalloc.items.items[region->index];
		use_whole(region, arena->end - arena->start, map->arena_uses.items[region->index].used_bytes,
		          map->arena_uses.items[region->index].free_bytes, use);
		break;
	}
	case REGION_MIMALLOC: {
		const struct mimalloc_segment_use *segment = &map->segment_uses.items[region->index];
		use_whole(region, segment->bytes, segment->used_bytes, segment->bytes - segment->used_bytes, use);
		break;
	}
	case REGION_JEMALLOC:
		use_extent(finding, region, use);
		break;
	case REGION_MAPPED_CHUNK:
	case REGION_OBJECT:
		use_whole(region, region->end - region->start, region->end - region->start, 0, use);
		break;
	default: /* files, pools, what is nobody's: not known; what is reserved has neither */
		break;
	}
	return OK;
}

static int find_all(struct finding *finding, struct region_uses *uses, struct residency *residency)
{
	for (size_t i = 0; i < finding->map->regions.count; i++) {
		const struct region *region = &finding->map->regions.items[i];
		const uint64_t bytes = region->end - region->start;
		struct region_use use = { .present = region->is_present ? bytes : 0 };
		if (region->kind != REGION_RESERVED) {
			use.resident = residency_bytes(residency, region->start, region->end);
			use.resident_most = residency->source == RESIDENCY_NOT_ZERO ? bytes : use.resident;
		}
		TRY(find_use(finding, region, &use));
		if (!array_push(&uses->items, use))
			return query_no_memory(finding->query, "the regions");
		TRY(progress_check(finding->query->progress, finding->query->error));
	}
	return OK;
}

int region_uses_find(struct region_uses *uses, const struct query *query, const struct memory_map *map)
{
	struct finding finding = { .query = query, .map = map };
	struct residency residency;
	*uses = (struct region_uses){ .residency = RESIDENCY_NOT_ZERO };
	reader_init(&finding.reader, query->target->space);
	TRY(residency_open(&residency, query->target->space, query->error));
	uses->residency = residency.source;
	const int status = find_all(&finding, uses, &residency);
	residency_close(&residency);
	return status;
}

void region_uses_clear(struct region_uses *uses)
{
	array_free(&uses->items);
}
