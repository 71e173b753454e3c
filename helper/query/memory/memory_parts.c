/* SPDX-License-Identifier: MIT */
#include "query/memory/memory_parts.h"

#include <string.h>

struct tree {
	struct memory_answer *answer;
	const struct python_blocks *blocks;
	bool failed;
};

static void add(struct tree *tree, uint32_t level, const char *name, uint64_t bytes, uint64_t count)
{
	const struct memory_part part = { .name = name, .bytes = bytes, .count = count, .level = level };
	if (bytes > 0 && !array_push(&tree->answer->parts, part))
		tree->failed = true;
}

/* What some of the part before is. */
static void add_of_it(struct tree *tree, const char *name, uint64_t bytes, uint64_t count)
{
	const size_t before = tree->answer->parts.count;
	add(tree, 3, name, bytes, count);
	if (tree->answer->parts.count > before)
		tree->answer->parts.items[before].is_of_which = true;
}

static void add_native(struct tree *tree, enum allocator allocator)
{
	static const char *const names[NATIVE_UNSEEN + 1] = {
		[NATIVE_OBJECT] = "of it ~ hangs on Python objects",
		[NATIVE_GARBAGE] = "of it ~ hangs on garbage, which a collection may free",
		[NATIVE_STATIC] = "of it ~ hangs on variables of C only",
		[NATIVE_TREES] = "of it syntax trees of source that is run",
		[NATIVE_UNSEEN] = "of it ~ nothing seen leads to it",
	};
	const struct native_graph *native = tree->answer->native;
	for (int holder = NATIVE_OBJECT; native != NULL && holder <= NATIVE_UNSEEN; holder++) {
		const struct native_total *total = &native->by_allocator[holder][allocator];
		add_of_it(tree, names[holder], total->bytes, total->blocks);
	}
}

/* What is beside blocks that objects are known to have, up to the allocator's sizes. */
static void add_rounding(struct tree *tree, enum allocator allocator)
{
	if (tree->answer->native != NULL)
		add_of_it(tree, "of it rounding of what objects asked for", tree->answer->native->rounding[allocator],
		          0);
}

static void add_share(struct tree *tree, enum python_share share, enum allocator allocator)
{
	static const char *const names[SHARE_COUNT] = {
		[SHARE_COLLECTOR] = "of it the collector's words before objects",
		[SHARE_CODE] = "of it code objects and what they own",
		[SHARE_INTERNED] = "of it interned strings",
		[SHARE_FREE_LISTS] = "of it free lists",
		[SHARE_TRACEMALLOC] = "of it tracemalloc's own tables",
	};
	const struct python_shares *shares = &tree->answer->shares;
	add_of_it(tree, names[share], shares->bytes[share][allocator], shares->count[share][allocator]);
}

/* What objects have of an allocator, and what else is in use there. */
static void add_used(struct tree *tree, enum allocator allocator, const char *other_name, uint64_t other_bytes,
                     uint64_t other_count)
{
	add(tree, 2, "Python objects", tree->blocks->bytes[allocator], tree->blocks->blocks[allocator]);
	for (int share = SHARE_COLLECTOR; share <= SHARE_INTERNED; share++)
		add_share(tree, (enum python_share)share, allocator);
	add(tree, 2, other_name, other_bytes, other_count);
	add_native(tree, allocator);
	for (int share = SHARE_FREE_LISTS; share <= SHARE_TRACEMALLOC; share++)
		add_share(tree, (enum python_share)share, allocator);
}

/* An owner with all its regions of a kind; false: it has none. */
static bool add_kind(struct tree *tree, enum region_kind kind, const char *name)
{
	const struct region_total *total = &tree->answer->kinds[kind];
	const size_t before = tree->answer->parts.count;
	add(tree, 1, name, total->mapped, total->count);
	if (tree->answer->parts.count == before)
		return false;
	tree->answer->parts.items[before].resident = total->resident;
	tree->answer->parts.items[before].has_resident = true;
	return true;
}

static uint64_t less(uint64_t all, uint64_t part)
{
	return all > part ? all - part : 0;
}

static void add_pymalloc(struct tree *tree)
{
	const struct pymalloc_use *use = &tree->answer->map->pymalloc;
	const uint64_t objects = tree->blocks->bytes[ALLOCATOR_PYMALLOC];
	if (!add_kind(tree, REGION_PYMALLOC, "pymalloc arenas"))
		return;
	tree->answer->native_bytes += less(use->used_bytes, objects);
	add_used(tree, ALLOCATOR_PYMALLOC, "in use and no object's", less(use->used_bytes, objects),
	         less(use->used_blocks, tree->blocks->blocks[ALLOCATOR_PYMALLOC]));
	add(tree, 2, "free blocks in pools that are in use", use->free_bytes, use->free_blocks);
	add(tree, 2, "free pools", use->free_pool_bytes, use->free_pools);
	add(tree, 2, "headers, rounding, alignment", use->header_bytes + use->quantization_bytes + use->alignment_bytes,
	    0);
}

static void add_mimalloc(struct tree *tree)
{
	const struct mimalloc_use *use = &tree->answer->map->mimalloc;
	const uint64_t objects = tree->blocks->bytes[ALLOCATOR_MIMALLOC];
	const uint64_t mapped = tree->answer->kinds[REGION_MIMALLOC].mapped;
	if (!add_kind(tree, REGION_MIMALLOC, "mimalloc segments (not free for malloc, nor the reverse)"))
		return;
	tree->answer->native_bytes += less(use->used_bytes, objects);
	add_used(tree, ALLOCATOR_MIMALLOC, "in use and no object's", less(use->used_bytes, objects),
	         less(use->used_blocks, tree->blocks->blocks[ALLOCATOR_MIMALLOC]));
	add_rounding(tree, ALLOCATOR_MIMALLOC);
	add(tree, 2, "free blocks in pages that have a size", use->free_bytes, use->free_blocks);
	add(tree, 2, "not used yet, headers", less(mapped, use->used_bytes + use->free_bytes), 0);
}

static void add_malloc(struct tree *tree)
{
	struct memory_answer *answer = tree->answer;
	const struct glibc_use *use = &answer->malloc;
	const uint64_t objects = tree->blocks->bytes[ALLOCATOR_MALLOC];
	const uint64_t free_bytes = use->free_bytes + use->fast_bytes;
	const uint64_t native = less(use->used_bytes, objects);
	const uint64_t mapped_objects = tree->blocks->bytes[ALLOCATOR_MMAP];
	const uint64_t mapped_native = less(answer->malloc_mapped, mapped_objects);
	const bool has_heaps = add_kind(tree, REGION_HEAP, "malloc heaps");
	if (has_heaps && answer->has_malloc) {
		add_used(tree, ALLOCATOR_MALLOC, "in use by C code", native,
		         less(use->used_blocks, tree->blocks->blocks[ALLOCATOR_MALLOC]));
		add(tree, 2, "kept by threads for their next calls", use->cached_bytes, use->cached_blocks);
		add(tree, 2, "free, malloc_trim(0) would return it", use->returnable, 0);
		add(tree, 2, "free, between blocks in use", less(free_bytes, use->returnable), 0);
		add(tree, 2, "headers of heaps", answer->malloc_overhead, 0);
	}
	if (add_kind(tree, REGION_MAPPED_CHUNK, "malloc blocks with pages of their own") && answer->has_malloc) {
		add_used(tree, ALLOCATOR_MMAP, "in use by C code", mapped_native,
		         less(answer->malloc_mapped_blocks, tree->blocks->blocks[ALLOCATOR_MMAP]));
	}
	answer->native_bytes += (answer->has_malloc ? native + mapped_native : 0) + tree->blocks->outside_bytes;
}

static void add_jemalloc(struct tree *tree)
{
	const struct jemalloc *jemalloc = &tree->answer->map->allocators->jemalloc;
	if (!add_kind(tree, REGION_JEMALLOC, "jemalloc extents"))
		return;
	const uint64_t active = jemalloc->bytes[JEMALLOC_ACTIVE];
	const uint64_t objects = tree->blocks->bytes[ALLOCATOR_JEMALLOC];
	tree->answer->native_bytes += less(jemalloc->allocated, objects);
	add_used(tree, ALLOCATOR_JEMALLOC, "in use by C code, or kept by threads", less(jemalloc->allocated, objects),
	         0);
	add_rounding(tree, ALLOCATOR_JEMALLOC);
	add(tree, 2, "free between blocks in use, rounding",
	    less(active, jemalloc->allocated > objects ? jemalloc->allocated : objects), 0);
	add(tree, 2, "free, returned in time (dirty)", jemalloc->bytes[JEMALLOC_DIRTY], 0);
	add(tree, 2, "free, returned in time (muzzy)", jemalloc->bytes[JEMALLOC_MUZZY], 0);
	add(tree, 2, "returned, address space kept", jemalloc->bytes[JEMALLOC_RETAINED], 0);
}

static void add_mimalloc_pools(struct tree *tree)
{
	const struct mimalloc_pools_use *use = &tree->answer->map->mimalloc_pools;
	const uint64_t objects = tree->blocks->bytes[ALLOCATOR_MIMALLOC_POOL];
	const uint64_t mapped = tree->answer->kinds[REGION_MIMALLOC_POOL].mapped;
	if (!add_kind(tree, REGION_MIMALLOC_POOL, "mimalloc of a library"))
		return;
	tree->answer->native_bytes += less(use->used_bytes, objects);
	add_used(tree, ALLOCATOR_MIMALLOC_POOL, "in use by C code", less(use->used_bytes, objects),
	         less(use->used_blocks, tree->blocks->blocks[ALLOCATOR_MIMALLOC_POOL]));
	add_rounding(tree, ALLOCATOR_MIMALLOC_POOL);
	add(tree, 2, "free blocks in pages that have a size", use->free_bytes, use->free_blocks);
	add(tree, 2, "not used yet, or returned", less(mapped, use->used_bytes + use->free_bytes), 0);
}

static void add_pools(struct tree *tree)
{
	uint64_t known = 0;
	for (size_t i = 0; i < tree->blocks->known.count; i++)
		if (tree->blocks->known.items[i].allocator == ALLOCATOR_UNKNOWN &&
		    !tree->blocks->known.items[i].is_shared)
			known += tree->blocks->known.items[i].bytes;
	if (!add_kind(tree, REGION_POOL, "pools of libraries"))
		return;
	const uint64_t mapped = tree->answer->kinds[REGION_POOL].mapped;
	add(tree, 2, "blocks of known objects", known < mapped ? known : mapped, 0);
	add(tree, 2, "other blocks, or free: not known", less(mapped, known), 0);
}

static void add_files(struct tree *tree)
{
	const struct memory_map *map = tree->answer->map;
	uint64_t writable = 0;
	if (!add_kind(tree, REGION_FILE, "files"))
		return;
	for (size_t i = 0; i < map->regions.count; i++)
		if (map->regions.items[i].kind == REGION_FILE && map->regions.items[i].is_writable)
			writable += map->regions.items[i].end - map->regions.items[i].start;
	add(tree, 2, "variables of programs and libraries", writable, 0);
	add(tree, 2, "code and data that is only read", less(tree->answer->kinds[REGION_FILE].mapped, writable), 0);
}

/* What nobody claims, by whose it probably is. Of a malloc that is known by its name alone objects are all that is. */
static void add_rest(struct tree *tree)
{
	static const char *const names[][2] = { { "tcmalloc", "tcmalloc's and others, not gone through" },
		                                { "mimalloc", "mimalloc's and others, not gone through" },
		                                { "hoard", "hoard's and others, not gone through" },
		                                { "musl", "musl's malloc and others, not gone through" } };
	const struct memory_answer *answer = tree->answer;
	const char *name = "not known";
	for (size_t i = 0; answer->other_malloc != NULL && i < sizeof names / sizeof *names; i++)
		if (strcmp(answer->other_malloc, names[i][0]) == 0)
			name = names[i][1];
	const bool has_rest = add_kind(tree, REGION_OTHER, name);
	const uint64_t mapped = answer->kinds[REGION_OTHER].mapped;
	const uint64_t objects = tree->blocks->bytes[ALLOCATOR_UNKNOWN];
	if (!has_rest || answer->other_malloc == NULL || answer->has_malloc || objects == 0 || objects > mapped)
		return;
	add(tree, 2, "Python objects", objects, tree->blocks->blocks[ALLOCATOR_UNKNOWN]);
	add(tree, 2, "in use by C code, or free: not known", mapped - objects, 0);
}

int memory_parts_make(const struct query *query, const struct python_blocks *blocks, struct memory_answer *answer)
{
	struct tree tree = { .answer = answer, .blocks = blocks };
	for (int i = 0; i < ALLOCATOR_COUNT; i++)
		answer->objects_bytes += blocks->bytes[i];
	add(&tree, 0, "mapped by the process", answer->mapped, 0);
	if (answer->parts.count > 0) {
		answer->parts.items[0].resident = answer->resident;
		answer->parts.items[0].has_resident = true;
	}
	add_pymalloc(&tree);
	add_mimalloc(&tree);
	add_malloc(&tree);
	add_jemalloc(&tree);
	add_mimalloc_pools(&tree);
	add_pools(&tree);
	(void)add_kind(&tree, REGION_OBJECT, "mapped by objects (mmap)");
	(void)add_kind(&tree, REGION_STACK, "thread stacks");
	(void)add_kind(&tree, REGION_DATA_STACK, "Python frames");
	add_files(&tree);
	(void)add_kind(&tree, REGION_KERNEL, "the kernel's code (vdso)");
	add_rest(&tree);
	(void)add_kind(&tree, REGION_RESERVED, "address space without memory");
	/* Python's own, not C code's. */
	answer->native_bytes =
	        less(answer->native_bytes, python_share_bytes(&answer->shares, SHARE_FREE_LISTS) +
	                                           python_share_bytes(&answer->shares, SHARE_TRACEMALLOC));
	return tree.failed ? query_no_memory(query, "the parts of memory") : OK;
}
