/* SPDX-License-Identifier: MIT */
#include "allocator/region_map.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "allocator/glibc_chunks.h"
#include "allocator/mimalloc.h"
#include "allocator/stacks.h"
#include "base/bits.h"
#include "base/bytes.h"
#include "base/limits.h"

enum { BROKEN_SHARE = 64 }; /* of the pages of a mimalloc may be broken */

struct builder {
	struct memory_map *map;
	const struct runtime *runtime;
	const struct address_space *space;
	struct reader reader;
	struct progress *progress;
	struct error *error;
	ARRAY(struct region) claims; /* of one turn */
};

const char *region_kind_name(enum region_kind kind)
{
	static const char *const names[REGION_KIND_COUNT] = {
		[REGION_FILE] = "file",
		[REGION_STACK] = "thread stack",
		[REGION_DATA_STACK] = "Python frames",
		[REGION_HEAP] = "malloc heap",
		[REGION_MAPPED_CHUNK] = "malloc block of its own pages",
		[REGION_PYMALLOC] = "pymalloc arena",
		[REGION_MIMALLOC] = "mimalloc segment",
		[REGION_JEMALLOC] = "jemalloc extent",
		[REGION_MIMALLOC_POOL] = "mimalloc of a library",
		[REGION_POOL] = "pool of a library",
		[REGION_OBJECT] = "mapping of an object",
		[REGION_KERNEL] = "the kernel's code (vdso)",
		[REGION_RESERVED] = "reserved, takes no memory",
		[REGION_OTHER] = "not known",
	};
	return names[kind];
}

static int no_memory(struct builder *builder)
{
	return error_set(builder->error, ERROR_NO_MEMORY, "out of memory for the map of the process");
}

static int claim(struct builder *builder, uint64_t start, uint64_t end, enum region_kind kind, uint32_t index)
{
	const struct region region = { .start = start, .end = end, .index = index, .kind = (uint8_t)kind };
	return start >= end || array_push(&builder->claims, region) ? OK : no_memory(builder);
}

static int compare_regions(const void *left, const void *right)
{
	const struct region *a = left, *b = right;
	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return a->end > b->end ? -1 : a->end < b->end;
}

/* Adds the parts of one claim that no region of `old`, from *next on, has. */
static bool add_left(struct region claimed, const struct region *old, size_t count, size_t *next,
                     struct memory_map *into)
{
	for (; *next < count && old[*next].start < claimed.end; ++*next) {
		if (old[*next].end > claimed.start) {
			struct region part = claimed;
			part.end = old[*next].start;
			if (part.start < part.end && !array_push(&into->regions, part))
				return false;
			claimed.start = old[*next].end;
		}
		if (old[*next].end >= claimed.end)
			break;
		if (!array_push(&into->regions, old[*next]))
			return false;
	}
	return claimed.start >= claimed.end || array_push(&into->regions, claimed);
}

/* Ends a turn: the claims take what is left. Claims of one turn that overlap are cut: the one that begins first has
 * it. */
static int settle(struct builder *builder)
{
	struct memory_map *map = builder->map;
	const size_t old_count = map->regions.count;
	struct region *old = map->regions.items;
	size_t next = 0;
	uint64_t end = 0;
	bool fits = true;
	if (builder->claims.count > 0)
		qsort(builder->claims.items, builder->claims.count, sizeof *builder->claims.items, compare_regions);
	map->regions.items = NULL;
	map->regions.count = map->regions.capacity = 0;
	for (size_t i = 0; i < builder->claims.count && fits; i++) {
		struct region claimed = builder->claims.items[i];
		if (claimed.start < end)
			claimed.start = end;
		if (claimed.start >= claimed.end)
			continue;
		end = claimed.end;
		for (; fits && next < old_count && old[next].end <= claimed.start; next++)
			fits = array_push(&map->regions, old[next]);
		fits = fits && add_left(claimed, old, old_count, &next, map);
	}
	for (; fits && next < old_count; next++)
		fits = array_push(&map->regions, old[next]);
	free(old);
	builder->claims.count = 0;
	return fits ? OK : no_memory(builder);
}

/* ---- Turns ---- */

static int claim_files(struct builder *builder)
{
	for (size_t i = 0; i < builder->space->files.count; i++)
		TRY(claim(builder, builder->space->files.items[i].start, builder->space->files.items[i].end,
		          REGION_FILE, (uint32_t)i));
	return settle(builder);
}

static int claim_stacks(struct builder *builder)
{
	for (size_t i = 0; i < builder->space->threads.count; i++) {
		uint64_t start, end;
		if (stack_of_thread(&builder->reader, builder->runtime, i, &start, &end))
			TRY(claim(builder, start, end, REGION_STACK, (uint32_t)i));
	}
	return settle(builder);
}

/* The chunks that the frames of 3.11 and later lie in, each a mapping of its own where arenas are
 * (Python/pystate.c allocate_chunk, _PyObject_VirtualAlloc). */
static int claim_data_stacks(struct builder *builder)
{
	const struct layout *layout = builder->map->allocators->layout;
	struct reader *reader = &builder->reader;
	uint64_t chunk, bytes;
	if (!layout_has(layout, FIELD_PyThreadState_datastack_chunk) || !layout_has(layout, FIELD__PyStackChunk_size))
		return OK;
	for (size_t i = 0; i < builder->runtime->threads.count; i++) {
		const uint64_t head = builder->runtime->threads.items[i].address +
		                      layout_offset(layout, FIELD_PyThreadState_datastack_chunk);
		if (!reader_u64(reader, head, &chunk))
			continue;
		for (uint32_t k = 0; chunk != 0 && k < LIMIT_FRAMES; k++) {
			TRY(progress_check(builder->progress, builder->error));
			const struct segment *segment = reader_segment(reader, chunk);
			if (segment == NULL ||
			    !reader_u64(reader, chunk + layout_offset(layout, FIELD__PyStackChunk_size), &bytes) ||
			    bytes > segment->end - chunk)
				break;
			TRY(claim(builder, chunk, chunk + bytes, REGION_DATA_STACK, (uint32_t)i));
			if (!reader_u64(reader, chunk + layout_offset(layout, FIELD__PyStackChunk_previous), &chunk))
				break;
		}
	}
	return settle(builder);
}

static int claim_arenas(struct builder *builder)
{
	struct memory_map *map = builder->map;
	const struct pymalloc_arenas *arenas = &map->allocators->pymalloc;
	if (!array_reserve(&map->arena_uses, arenas->items.count + 1))
		return no_memory(builder);
	map->arena_uses.count = arenas->items.count;
	if (pymalloc_count(&map->pymalloc, map->arena_uses.items, arenas, map->allocators->layout, &builder->reader,
	                   builder->progress) != OK)
		return progress_cancelled(builder->error);
	for (size_t i = 0; i < arenas->items.count; i++)
		TRY(claim(builder, arenas->items.items[i].start, arenas->items.items[i].end, REGION_PYMALLOC,
		          (uint32_t)i));
	return settle(builder);
}

static int claim_heaps(struct builder *builder)
{
	struct memory_map *map = builder->map;
	const struct glibc_list *list = &map->allocators->glibc;
	if (!array_reserve(&map->walks, list->count + 1))
		return no_memory(builder);
	for (size_t i = 0; i < list->count; i++) {
		TRY(glibc_walk_heaps(&map->walks.items[i], &list->items[i], builder->space, builder->progress,
		                     builder->error));
		map->walks.count++;
		for (size_t j = 0; j < list->items[i].heaps.count; j++) {
			const struct glibc_heap *heap = &list->items[i].heaps.items[j];
			TRY(claim(builder, heap->start, heap->end, REGION_HEAP, (uint32_t)j));
			builder->claims.items[builder->claims.count - 1].glibc = (uint8_t)i;
			/* What it may grow into; gcore writes it as if it were readable. */
			TRY(claim(builder, heap->end, heap->mapped_end, REGION_RESERVED, 0));
		}
	}
	return settle(builder);
}

static void count_page(struct mimalloc_use *use, struct mimalloc_segment_use *segment, struct mimalloc_cursor *cursor)
{
	const struct mimalloc_page *page = &cursor->page;
	uint64_t unused = 0;
	for (uint32_t i = 0; i < page->capacity; i++)
		unused += bits_has(cursor->is_free, i);
	use->free_blocks += unused;
	use->free_bytes += unused * page->block_bytes;
	use->used_blocks += page->capacity - unused;
	use->used_bytes += (page->capacity - unused) * page->block_bytes;
	segment->used_bytes += (page->capacity - unused) * page->block_bytes;
	use->broken_pages += cursor->is_broken;
	cursor->is_broken = false;
}

static int claim_segments(struct builder *builder)
{
	struct memory_map *map = builder->map;
	struct mimalloc_use *use = &map->mimalloc;
	struct mimalloc_cursor *cursor = malloc(sizeof *cursor);
	uint64_t segment = 0, steps = 0;
	int status = OK;
	if (cursor == NULL)
		return no_memory(builder);
	mimalloc_cursor_init(cursor, builder->map->allocators->layout, &builder->reader);
	while (status == OK && mimalloc_cursor_next_page(cursor)) {
		if (cursor->segment != segment) {
			segment = cursor->segment;
			use->segments++;
			use->segment_bytes += cursor->segment_bytes;
			if (!array_push(&map->segment_uses,
			                (struct mimalloc_segment_use){ .bytes = cursor->segment_bytes })) {
				status = no_memory(builder);
				break;
			}
			status = claim(builder, segment, segment + cursor->segment_bytes, REGION_MIMALLOC,
			               (uint32_t)map->segment_uses.count - 1);
		}
		count_page(use, &map->segment_uses.items[map->segment_uses.count - 1], cursor);
		if (status == OK && progress_look(builder->progress, &steps) != OK)
			status = progress_cancelled(builder->error);
	}
	free(cursor);
	return status == OK ? settle(builder) : status;
}

static int claim_extents(struct builder *builder)
{
	const struct jemalloc *jemalloc = &builder->map->allocators->jemalloc;
	for (size_t i = 0; i < jemalloc->extents.count; i++)
		TRY(claim(builder, jemalloc->extents.items[i].start, jemalloc->extents.items[i].end, REGION_JEMALLOC,
		          (uint32_t)i));
	return settle(builder);
}

/* The areas of pages, and what of them is in use. A page that is being changed while the process stops is broken; more
 * of them, and it is something else. */
static int claim_pools(struct builder *builder)
{
	const struct mimalloc_pools *pools = &builder->map->allocators->mimalloc_pools;
	struct mimalloc_pools_use *use = &builder->map->mimalloc_pools;
	struct mimalloc_pools_cursor *cursor = pools->file != NULL ? malloc(sizeof *cursor) : NULL;
	uint64_t area = 0, steps = 0;
	int status = OK;
	if (cursor == NULL)
		return pools->file == NULL ? OK : no_memory(builder);
	mimalloc_pools_cursor_init(cursor, pools, &builder->reader);
	while (status == OK && mimalloc_pools_cursor_next(cursor)) {
		const struct mimalloc_pool_page *page = &cursor->page;
		use->pages++;
		use->broken_pages += cursor->is_broken;
		use->used_blocks += cursor->used;
		use->used_bytes += cursor->used * page->block_bytes;
		use->free_blocks += page->capacity - cursor->used;
		use->free_bytes += (page->capacity - cursor->used) * page->block_bytes;
		if (!cursor->is_broken && page->area_start != area) {
			area = page->area_start;
			status = claim(builder, area, page->area_end, REGION_MIMALLOC_POOL, 0);
		}
		if (status == OK && progress_look(builder->progress, &steps) != OK)
			status = progress_cancelled(builder->error);
	}
	free(cursor);
	use->is_confirmed = use->pages > 0 && use->broken_pages <= 1 + use->pages / BROKEN_SHARE;
	if (!use->is_confirmed)
		builder->claims.count = 0;
	return status == OK ? settle(builder) : status;
}

/* Blocks of their own pages, in memory that is left. */
static int claim_mapped(struct builder *builder)
{
	struct memory_map *map = builder->map;
	for (size_t g = 0; g < map->walks.count; g++) {
		struct glibc_walk *walk = &map->walks.items[g];
		size_t next = 0;
		for (size_t i = 0; i < builder->space->segment_count && walk->glibc->mapped_count > 0; i++) {
			const struct segment *segment = &builder->space->segments[i];
			if (!segment->writable_private || segment->data == NULL)
				continue;
			uint64_t at = segment->start;
			while (next < map->regions.count && map->regions.items[next].end <= at)
				next++;
			for (; next < map->regions.count && map->regions.items[next].start < segment->end; next++) {
				const struct region *region = &map->regions.items[next];
				if (region->start > at)
					TRY(glibc_walk_mapped(walk, &builder->reader, at, region->start,
					                      builder->progress, builder->error));
				at = region->end;
				if (region->end >= segment->end)
					break;
			}
			if (at < segment->end)
				TRY(glibc_walk_mapped(walk, &builder->reader, at, segment->end, builder->progress,
				                      builder->error));
			TRY(progress_check(builder->progress, builder->error));
		}
		glibc_walk_check_mapped(walk);
		for (size_t i = 0; i < walk->mapped.count; i++) {
			const struct glibc_chunk *chunk = &walk->mapped.items[i];
			const uint64_t start = (chunk->address - GLIBC_CHUNK_HEADER) & ~(uint64_t)(GLIBC_PAGE - 1);
			TRY(claim(builder, start, start + chunk->bytes, REGION_MAPPED_CHUNK, (uint32_t)i));
			builder->claims.items[builder->claims.count - 1].glibc = (uint8_t)g;
		}
	}
	return settle(builder);
}

static int push_part(struct builder *builder, struct region part, const struct segment *segment)
{
	if (part.start >= part.end)
		return OK;
	part.is_writable = segment->writable_private;
	part.is_present = segment->data != NULL && !segment->from_file;
	builder->map->mapped += part.end - part.start;
	return array_push(&builder->claims, part) ? OK : no_memory(builder);
}

/* What a segment is where nobody claims it. The kernel's code is an image of ELF of which no file has the name, and the
 * page of old system calls has one address everywhere (asm/vsyscall.h). */
static enum region_kind rest_kind(const struct address_space *space, const struct segment *segment)
{
	static const uint64_t vsyscall = UINT64_C(0xffffffffff600000);
	if (segment->protection == 0 && segment->data == NULL)
		return REGION_RESERVED;
	if (segment->start == vsyscall)
		return REGION_KERNEL;
	if ((segment->protection & (PROT_WRITE | PROT_EXEC)) != PROT_EXEC)
		return REGION_OTHER;
	struct reader reader; /* of a live process such pages are read when they are asked for */
	reader_init(&reader, space);
	const uint8_t *bytes = reader_at(&reader, segment->start, SELFMAG);
	return bytes != NULL && memcmp(bytes, ELFMAG, SELFMAG) == 0 ? REGION_KERNEL : REGION_OTHER;
}

/* Cuts all to what is mapped, and gives what is left to nobody. */
static int close_gaps(struct builder *builder)
{
	struct memory_map *map = builder->map;
	size_t next = 0;
	for (size_t i = 0; i < builder->space->segment_count; i++) {
		const struct segment *segment = &builder->space->segments[i];
		const uint8_t rest = (uint8_t)rest_kind(builder->space, segment);
		uint64_t at = segment->start;
		while (next < map->regions.count && map->regions.items[next].end <= at)
			next++;
		for (size_t j = next; j < map->regions.count && map->regions.items[j].start < segment->end; j++) {
			struct region part = map->regions.items[j];
			if (part.start < at)
				part.start = at;
			if (part.end > segment->end)
				part.end = segment->end;
			TRY(push_part(builder, (struct region){ .start = at, .end = part.start, .kind = rest },
			              segment));
			TRY(push_part(builder, part, segment));
			at = part.end;
		}
		TRY(push_part(builder, (struct region){ .start = at, .end = segment->end, .kind = rest }, segment));
	}
	array_free(&map->regions);
	map->regions.items = builder->claims.items;
	map->regions.count = builder->claims.count;
	map->regions.capacity = builder->claims.capacity;
	builder->claims.items = NULL;
	builder->claims.count = builder->claims.capacity = 0;
	return OK;
}

static int build(struct builder *builder)
{
	TRY(claim_files(builder));
	TRY(claim_stacks(builder));
	TRY(claim_arenas(builder));
	TRY(claim_heaps(builder));
	TRY(claim_segments(builder));
	TRY(claim_extents(builder));
	TRY(claim_pools(builder));
	TRY(claim_data_stacks(builder));
	TRY(claim_mapped(builder));
	return close_gaps(builder);
}

int memory_map_open(struct memory_map **ret_map, const struct allocators *allocators, const struct runtime *runtime,
                    struct progress *progress, struct error *error)
{
	*ret_map = NULL;
	struct memory_map *map = calloc(1, sizeof *map);
	if (map == NULL)
		return error_set(error, ERROR_NO_MEMORY, "out of memory for the map of the process");
	map->allocators = allocators;
	struct builder builder = {
		.map = map, .runtime = runtime, .space = runtime->space, .progress = progress, .error = error
	};
	reader_init(&builder.reader, runtime->space);
	const int status = build(&builder);
	array_free(&builder.claims);
	if (status != OK) {
		memory_map_close(map);
		return status;
	}
	*ret_map = map;
	return OK;
}

void memory_map_close(struct memory_map *map)
{
	if (map == NULL)
		return;
	for (size_t i = 0; i < map->walks.count; i++)
		glibc_walk_clear(&map->walks.items[i]);
	array_free(&map->walks);
	array_free(&map->regions);
	array_free(&map->arena_uses);
	array_free(&map->segment_uses);
	free(map);
}

const struct region *memory_map_find(const struct memory_map *map, uint64_t address)
{
	size_t low = 0, high = map->regions.count;
	while (low < high) {
		const size_t middle = (low + high) / 2;
		if (map->regions.items[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < map->regions.count && map->regions.items[low].start <= address ? &map->regions.items[low] : NULL;
}

/* A pool takes its address space at once and asks for access piece by piece: what touches it and is nobody's belongs
 * to it. */
void memory_map_note_pool(struct memory_map *map, uint64_t address)
{
	const struct region *found = memory_map_find(map, address);
	/* Of a malloc that is known by its name alone nobody can tell where its memory ends. */
	const bool is_malloc = map->walks.count == 0 && map->allocators->other != NULL &&
	                       map->allocators->jemalloc.file == NULL && map->allocators->mimalloc_pools.file == NULL;
	if (found == NULL || found->kind != REGION_OTHER || !found->is_writable || is_malloc)
		return;
	struct region *region = &map->regions.items[found - map->regions.items];
	const struct region *first = map->regions.items, *last = first + map->regions.count - 1;
	const struct region *low = region, *high = region;
	while (low > first && low[-1].end == low->start &&
	       (low[-1].kind == REGION_OTHER || low[-1].kind == REGION_RESERVED))
		low--;
	while (high < last && high[1].start == high->end &&
	       (high[1].kind == REGION_OTHER || high[1].kind == REGION_RESERVED))
		high++;
	for (region = &map->regions.items[low - first]; region <= high; region++)
		if (region->kind == REGION_OTHER && region->is_writable)
			region->kind = REGION_POOL;
}

/* Cuts region i at address, which lies in it. */
static bool cut_region(struct memory_map *map, size_t i, uint64_t address)
{
	struct region part = map->regions.items[i];
	if (address <= part.start || address >= part.end)
		return true;
	part.start = address;
	if (!array_push(&map->regions, part))
		return false;
	memmove(&map->regions.items[i + 2], &map->regions.items[i + 1],
	        (map->regions.count - i - 2) * sizeof *map->regions.items);
	map->regions.items[i].end = address;
	map->regions.items[i + 1] = part;
	return true;
}

bool memory_map_note_mapping(struct memory_map *map, uint64_t start, uint64_t end)
{
	const struct region *found = memory_map_find(map, start);
	if (found == NULL)
		return true;
	for (size_t i = (size_t)(found - map->regions.items); i < map->regions.count; i++) {
		if (map->regions.items[i].start >= end)
			break;
		if (map->regions.items[i].kind != REGION_OTHER)
			continue;
		if (!cut_region(map, i, end) || !cut_region(map, i, start))
			return false;
		if (map->regions.items[i].start < start)
			continue; /* the part from start on comes next */
		map->regions.items[i].kind = REGION_OBJECT;
	}
	return true;
}

bool memory_map_block(const struct memory_map *map, struct reader *reader, uint64_t address,
                      struct allocator_block *ret_block)
{
	uint64_t inside;
	const struct region *region = memory_map_find(map, address);
	if (region == NULL)
		return false;
	if (region->kind == REGION_PYMALLOC || region->kind == REGION_MIMALLOC || region->kind == REGION_JEMALLOC ||
	    region->kind == REGION_MIMALLOC_POOL)
		return allocators_block_at(map->allocators, reader, address, ret_block, &inside);
	if (region->kind != REGION_HEAP && region->kind != REGION_MAPPED_CHUNK)
		return false;
	const struct glibc_walk *walk = &map->walks.items[region->glibc];
	struct glibc_chunk chunk;
	if (!walk->is_confirmed || !glibc_walk_find(walk, reader, address, &chunk))
		return false;
	*ret_block = (struct allocator_block){ chunk.address, chunk.bytes,
		                               region->kind == REGION_HEAP ? ALLOCATOR_MALLOC : ALLOCATOR_MMAP };
	return true;
}

bool memory_map_is_free(const struct memory_map *map, struct reader *reader, uint64_t address)
{
	struct allocator_block block;
	const struct region *region = memory_map_find(map, address);
	return region != NULL && (region->kind == REGION_HEAP || region->kind == REGION_JEMALLOC) &&
	       (region->kind == REGION_JEMALLOC || map->walks.items[region->glibc].is_confirmed) &&
	       !memory_map_block(map, reader, address, &block);
}
