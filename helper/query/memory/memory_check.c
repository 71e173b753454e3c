/* SPDX-License-Identifier: MIT */
#include "query/memory/memory_check.h"

struct checking {
	struct memory_check *check;
	const struct query *query;
	const struct memory_map *map;
	const struct python_blocks *blocks;
	bool no_memory;
};

static void push(struct checking *checking, struct memory_sum sum)
{
	sum.closes = sum.reason == NULL && (sum.is_at_most ? sum.bytes <= sum.whole : sum.bytes == sum.whole);
	checking->check->open_count += !sum.closes;
	checking->no_memory |= !array_push(&checking->check->sums, sum);
}

static void equal(struct checking *checking, const char *what, uint64_t bytes, const char *whole_name, uint64_t whole)
{
	push(checking, (struct memory_sum){ .what = what, .whole_name = whole_name, .bytes = bytes, .whole = whole });
}

static void at_most(struct checking *checking, const char *what, uint64_t bytes, const char *whole_name, uint64_t whole)
{
	push(checking,
	     (struct memory_sum){
	             .what = what, .whole_name = whole_name, .bytes = bytes, .whole = whole, .is_at_most = true });
}

static void check_regions(struct checking *checking)
{
	const struct address_space *space = checking->query->target->space;
	const struct memory_map *map = checking->map;
	uint64_t bytes = 0, mapped = 0, end = 0;
	const char *reason = NULL;
	for (size_t i = 0; i < map->regions.count; i++) {
		const struct region *region = &map->regions.items[i];
		if (region->start < end || region->end <= region->start)
			reason = "two of them overlap";
		bytes += region->end - region->start;
		end = region->end;
	}
	for (size_t i = 0; i < space->segment_count; i++)
		mapped += space->segments[i].end - space->segments[i].start;
	push(checking, (struct memory_sum){ .what = "regions of all owners",
	                                    .whole_name = "what was mapped",
	                                    .bytes = bytes,
	                                    .whole = mapped,
	                                    .reason = reason });
}

static void check_pymalloc(struct checking *checking)
{
	const struct pymalloc_use *use = &checking->map->pymalloc;
	const struct pymalloc_arenas *arenas = &checking->map->allocators->pymalloc;
	uint64_t whole = 0;
	for (size_t i = 0; i < arenas->items.count; i++)
		whole += arenas->items.items[i].end - arenas->items.items[i].start;
	if (whole == 0)
		return;
	equal(checking, "blocks in use, free ones, free pools, headers and rounding of pymalloc",
	      use->used_bytes + use->free_bytes + use->free_pool_bytes + use->header_bytes + use->quantization_bytes +
	              use->alignment_bytes,
	      "its arenas", whole);
	at_most(checking, "objects in pymalloc", checking->blocks->bytes[ALLOCATOR_PYMALLOC], "its blocks in use",
	        use->used_bytes);
}

static void check_mimalloc(struct checking *checking)
{
	const struct mimalloc_use *use = &checking->map->mimalloc;
	if (use->segments == 0)
		return;
	at_most(checking, "blocks of mimalloc, in use and free", use->used_bytes + use->free_bytes, "its segments",
	        use->segment_bytes);
	at_most(checking, "objects in mimalloc", checking->blocks->bytes[ALLOCATOR_MIMALLOC], "its blocks in use",
	        use->used_bytes);
}

static void check_malloc(struct checking *checking)
{
	uint64_t used = 0, mapped = 0;
	bool is_confirmed = true;
	for (size_t i = 0; i < checking->map->walks.count; i++) {
		const struct glibc_walk *walk = &checking->map->walks.items[i];
		const struct glibc_use *use = &walk->all;
		push(checking, (struct memory_sum){ .what = "chunks of malloc, in use, free and kept by threads",
		                                    .whole_name = "what its arenas have from the system",
		                                    .bytes = use->used_bytes + use->free_bytes + use->fast_bytes +
		                                             use->cached_bytes,
		                                    .whole = use->system,
		                                    .is_at_most = true,
		                                    .reason = walk->refusal });
		used += use->used_bytes;
		mapped += walk->mapped_found_bytes;
		is_confirmed &= walk->is_confirmed;
	}
	if (checking->map->walks.count == 0 || !is_confirmed)
		return;
	at_most(checking, "objects in malloc's heaps", checking->blocks->bytes[ALLOCATOR_MALLOC], "its chunks in use",
	        used);
	at_most(checking, "objects in pages of their own", checking->blocks->bytes[ALLOCATOR_MMAP],
	        "malloc's mapped chunks", mapped);
}

static void check_jemalloc(struct checking *checking)
{
	const struct jemalloc *jemalloc = &checking->map->allocators->jemalloc;
	if (jemalloc->file == NULL)
		return;
	at_most(checking, "blocks of jemalloc in use", jemalloc->allocated, "its active extents",
	        jemalloc->bytes[JEMALLOC_ACTIVE]);
	at_most(checking, "objects in jemalloc", checking->blocks->bytes[ALLOCATOR_JEMALLOC], "its blocks in use",
	        jemalloc->allocated);
}

static void check_mimalloc_pools(struct checking *checking)
{
	const struct mimalloc_pools_use *use = &checking->map->mimalloc_pools;
	uint64_t mapped = 0;
	if (use->pages == 0)
		return;
	for (size_t i = 0; i < checking->map->regions.count; i++) {
		const struct region *region = &checking->map->regions.items[i];
		mapped += region->kind == REGION_MIMALLOC_POOL ? region->end - region->start : 0;
	}
	push(checking, (struct memory_sum){ .what = "blocks of a library's mimalloc, in use and free",
	                                    .whole_name = "what it mapped",
	                                    .bytes = use->used_bytes + use->free_bytes,
	                                    .whole = mapped,
	                                    .is_at_most = true,
	                                    .reason = use->is_confirmed ? NULL : "lists of free blocks do not close" });
}

/* Blocks of C code were listed one by one; what the allocator counted as in use, less what objects have, is the same
 * in another way. */
static void check_native_of(struct checking *checking, const struct native_graph *native, enum allocator allocator,
                            uint64_t used)
{
	static const char *const names[ALLOCATOR_COUNT] = {
		[ALLOCATOR_PYMALLOC] = "blocks of C code and free lists in pymalloc",
		[ALLOCATOR_MIMALLOC] = "blocks of C code and free lists in mimalloc",
		[ALLOCATOR_MALLOC] = "blocks of C code in malloc's heaps",
		[ALLOCATOR_MMAP] = "blocks of C code in pages of their own",
	};
	const uint64_t objects = checking->blocks->bytes[allocator];
	uint64_t bytes = native->kept[allocator].bytes;
	for (int holder = 0; holder <= NATIVE_UNSEEN; holder++)
		bytes += native->by_allocator[holder][allocator].bytes;
	if (used == 0 || used < objects)
		return;
	if (allocator == ALLOCATOR_MIMALLOC) /* its blocks of 8 bytes are left out of the list */
		at_most(checking, names[allocator], bytes, "what is in use and no object's", used - objects);
	else
		equal(checking, names[allocator], bytes, "what is in use and no object's", used - objects);
}

static void check_native_sums(struct checking *checking, const struct native_graph *native)
{
	const struct memory_map *map = checking->map;
	uint64_t heaps = 0, mapped = 0;
	bool is_confirmed = true;
	for (size_t i = 0; i < map->walks.count; i++) {
		heaps += map->walks.items[i].all.used_bytes;
		mapped += map->walks.items[i].mapped_found_bytes;
		is_confirmed &= map->walks.items[i].is_confirmed;
	}
	if (map->pymalloc.broken_pools == 0)
		check_native_of(checking, native, ALLOCATOR_PYMALLOC, map->pymalloc.used_bytes);
	if (map->mimalloc.broken_pages == 0)
		check_native_of(checking, native, ALLOCATOR_MIMALLOC, map->mimalloc.used_bytes);
	if (!is_confirmed)
		return;
	check_native_of(checking, native, ALLOCATOR_MALLOC, heaps);
	check_native_of(checking, native, ALLOCATOR_MMAP, mapped);
}

static int check_native(struct checking *checking)
{
	const struct native_graph *native;
	uint64_t end = 0, steps = 0;
	const char *reason = NULL;
	TRY(target_native(checking->query->target, checking->query->progress, &native, checking->query->error));
	for (size_t i = 0; i < native->blocks.count; i++) {
		const struct native_block *block = &native->blocks.items[i];
		if (block->address < end)
			reason = "two of them overlap";
		end = block->address + native_block_bytes(block);
		if (progress_look(checking->query->progress, &steps) != OK)
			return query_cancelled(checking->query);
	}
	check_native_sums(checking, native);
	push(checking, (struct memory_sum){ .what = "blocks of C code",
	                                    .whole_name = "what was mapped",
	                                    .bytes = native->all.bytes,
	                                    .whole = checking->map->mapped,
	                                    .is_at_most = true,
	                                    .reason = reason });
	return OK;
}

int query_memory_check(const struct query *query, struct memory_check *ret_check)
{
	struct checking checking = { .check = ret_check, .query = query };
	*ret_check = (struct memory_check){ .open_count = 0 };
	TRY(target_memory(query->target, query->progress, &checking.map, query->error));
	TRY(target_blocks(query->target, query->progress, &checking.blocks, query->error));
	ret_check->refuted_blocks = checking.blocks->disagreements;
	check_regions(&checking);
	check_pymalloc(&checking);
	check_mimalloc(&checking);
	check_malloc(&checking);
	check_jemalloc(&checking);
	check_mimalloc_pools(&checking);
	TRY(check_native(&checking));
	return checking.no_memory ? query_no_memory(query, "the check of sums") : OK;
}

void memory_check_clear(struct memory_check *check)
{
	array_free(&check->sums);
}
