/* SPDX-License-Identifier: MIT */
#include "allocator/allocators.h"

#include <stdlib.h>
#include <string.h>

#include "allocator/mimalloc.h"
#include "allocator/pymalloc.h"
#include "base/bytes.h"
#include "base/path.h"

enum {
	CHUNK_WORD = 8, /* of its header that is its own: the other one is the end of the chunk before */
	CHUNK_SLACK = 16, /* a rest too small to be a chunk stays with its neighbour */
	ALIGNED_MOST = 64, /* bytes that libraries ask memory to be aligned to (Arrow, torch) */
	POOL_SLICE = 1 << 16, /* of mimalloc */
};

const char *allocator_name(enum allocator allocator)
{
	static const char *const names[ALLOCATOR_COUNT] = {
		[ALLOCATOR_NONE] = "static",
		[ALLOCATOR_MIMALLOC] = "mimalloc",
		[ALLOCATOR_PYMALLOC] = "pymalloc",
		[ALLOCATOR_MALLOC] = "malloc",
		[ALLOCATOR_MMAP] = "mmap",
		[ALLOCATOR_JEMALLOC] = "jemalloc",
		[ALLOCATOR_PAGES] = "pages",
		[ALLOCATOR_UNKNOWN] = "estimate",
		[ALLOCATOR_MIMALLOC_POOL] = "mimalloc",
	};
	return names[allocator];
}

static int compare_files(const void *left, const void *right)
{
	const uint64_t a = ((const struct static_file *)left)->start, b = ((const struct static_file *)right)->start;
	return a < b ? -1 : a > b;
}

static int find_files(struct allocators *allocators, struct error *error)
{
	const struct address_space *space = allocators->space;
	for (size_t i = 0; i < space->files.count; i++) {
		const struct mapped_file *file = &space->files.items[i];
		if (file->is_elf && !array_push(&allocators->files, (struct static_file){ file->start, file->end }))
			return error_set(error, ERROR_NO_MEMORY, "out of memory for the list of files");
	}
	if (allocators->files.count > 0)
		qsort(allocators->files.items, allocators->files.count, sizeof *allocators->files.items, compare_files);
	return OK;
}

/* Libraries that put their own malloc in glibc's place, by the names of their files, and musl: its loader is the whole
 * library, which Debian calls libc.so (glibc's is libc.so.6). */
static const char *find_other(const struct address_space *space)
{
	static const struct {
		const char *file, *name;
	} others[] = {
		{ "libjemalloc", "jemalloc" }, { "libtcmalloc", "tcmalloc" }, { "libmimalloc", "mimalloc" },
		{ "libhoard", "hoard" },       { "ld-musl", "musl" },
	};
	for (size_t i = 0; i < space->files.count; i++) {
		const char *name = path_base_name(space->files.items[i].path);
		for (size_t j = 0; j < sizeof others / sizeof *others; j++)
			if (strncmp(name, others[j].file, strlen(others[j].file)) == 0)
				return others[j].name;
		if (strcmp(name, "libc.so") == 0)
			return "musl";
	}
	return NULL;
}

int allocators_open(struct allocators *allocators, const struct runtime *runtime, struct error *error)
{
	*allocators = (struct allocators){ .layout = &runtime->layout, .space = runtime->space };
	allocators->other = find_other(runtime->space);
	int status = find_files(allocators, error);
	if (status == OK)
		status = glibc_find(&allocators->glibc, runtime->space, error);
	if (status == OK)
		status = pymalloc_arenas_find(&allocators->pymalloc, runtime, &allocators->glibc, error);
	if (status == OK)
		status = jemalloc_find(&allocators->jemalloc, runtime->space, NULL, error);
	jemalloc_classes(allocators->jemalloc_classes);
	mimalloc_pools_find(&allocators->mimalloc_pools, runtime->space);
	if (status != OK)
		allocators_close(allocators);
	return status;
}

void allocators_close(struct allocators *allocators)
{
	array_free(&allocators->files);
	glibc_list_clear(&allocators->glibc);
	pymalloc_arenas_clear(&allocators->pymalloc);
	jemalloc_clear(&allocators->jemalloc);
}

bool allocators_pool_block(const struct layout *layout, struct reader *reader, enum allocator allocator,
                           uint64_t address, bool *ret_is_free)
{
	struct pymalloc_pool pool;
	struct mimalloc_page page;
	if (allocator == ALLOCATOR_PYMALLOC && pymalloc_pool_at(layout, reader, address, &pool)) {
		const uint32_t number = (uint32_t)((address - pool.start) / pool.block_bytes);
		*ret_is_free = pymalloc_is_free(&pool, reader, number);
		return true;
	}
	if (allocator == ALLOCATOR_MIMALLOC && mimalloc_page_at(layout, reader, address, &page)) {
		const uint32_t number = (uint32_t)((address - page.start) / page.block_bytes);
		*ret_is_free = mimalloc_is_free(layout, reader, &page, number);
		return true;
	}
	return false;
}

bool allocators_is_static(const struct allocators *allocators, uint64_t address)
{
	size_t low = 0, high = allocators->files.count;
	while (low < high) {
		const size_t middle = (low + high) / 2;
		if (allocators->files.items[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < allocators->files.count && allocators->files.items[low].start <= address;
}

/* A large block may begin anywhere in the first page of its extent: where is not written down. */
static bool jemalloc_block(const struct allocators *allocators, uint64_t address, struct allocator_block *ret_block,
                           uint64_t *ret_inside)
{
	const struct jemalloc_extent *extent = jemalloc_extent_at(&allocators->jemalloc, address);
	if (extent == NULL || extent->state != JEMALLOC_ACTIVE)
		return false;
	const uint64_t inside = address - extent->start;
	const bool is_slab = extent->is_slab && extent->region_bytes != 0;
	*ret_inside = is_slab ? inside % extent->region_bytes : inside < GLIBC_PAGE ? 0 : inside;
	*ret_block = (struct allocator_block){ address - *ret_inside,
		                               is_slab ? extent->region_bytes : extent->end - extent->start,
		                               ALLOCATOR_JEMALLOC };
	return true;
}

/* Memory that was asked for with an alignment may begin inside its block. */
static bool mimalloc_pool_block(const struct allocators *allocators, struct reader *reader, uint64_t address,
                                struct allocator_block *ret_block, uint64_t *ret_inside)
{
	struct mimalloc_pool_page page;
	if (!mimalloc_pools_page_at(&allocators->mimalloc_pools, reader, address, &page))
		return false;
	const uint64_t inside = (address - page.start) % page.block_bytes;
	*ret_inside = inside < ALIGNED_MOST ? 0 : inside;
	*ret_block = (struct allocator_block){ address - *ret_inside,
		                               page.block_bytes - (inside < ALIGNED_MOST ? inside : 0),
		                               ALLOCATOR_MIMALLOC_POOL };
	return true;
}

bool allocators_block_at(const struct allocators *allocators, struct reader *reader, uint64_t address,
                         struct allocator_block *ret_block, uint64_t *ret_inside)
{
	struct pymalloc_pool pool;
	struct mimalloc_page page;
	uint32_t inside = 0;
	const uint32_t bytes = pymalloc_block_at(&allocators->pymalloc, allocators->layout, reader, address, &inside);
	*ret_inside = inside;
	if (bytes != 0) {
		*ret_block = (struct allocator_block){ address - inside, bytes, ALLOCATOR_PYMALLOC };
		return true;
	}
	if (pymalloc_pool_at(allocators->layout, reader, address, &pool)) {
		*ret_inside = (address - pool.start) % pool.block_bytes;
		*ret_block = (struct allocator_block){ address - *ret_inside, pool.block_bytes, ALLOCATOR_PYMALLOC };
		return true;
	}
	if (mimalloc_page_at(allocators->layout, reader, address, &page)) {
		*ret_inside = (address - page.start) % page.block_bytes;
		*ret_block = (struct allocator_block){ address - *ret_inside, page.block_bytes, ALLOCATOR_MIMALLOC };
		return true;
	}
	/* Raw memory is malloc's in free-threaded builds too, up to 3.14. */
	if (allocators_is_static(allocators, address))
		return false;
	if (allocators->jemalloc.file != NULL && jemalloc_block(allocators, address, ret_block, ret_inside))
		return true;
	if (mimalloc_pool_block(allocators, reader, address, ret_block, ret_inside))
		return true;
	for (size_t i = 0; i < allocators->glibc.count; i++)
		if (glibc_block_at(&allocators->glibc.items[i], reader, address, ret_block))
			return true;
	return false;
}

static struct expected_block expect_pool(uint64_t least, uint64_t most)
{
	struct expected_block expected = { UINT64_MAX, UINT64_MAX, 0 };
	if (least <= PYMALLOC_LARGEST) {
		expected.least = pymalloc_block_bytes(least);
		/* pymalloc_realloc() leaves a block that shrinks by less than a quarter where it is. */
		expected.kept = (4 * most - 1) / 3;
	}
	if (most <= PYMALLOC_LARGEST)
		expected.most = pymalloc_block_bytes(most);
	return expected;
}

static struct expected_block expect_page(const struct layout *layout, uint64_t least, uint64_t most)
{
	uint64_t slack, unused;
	const uint64_t padding = mimalloc_padding(layout);
	/* _mi_heap_realloc_zero() leaves a block that shrinks by no more than half where it is; half of the block, or
	 * where there is padding, of the first request for it. */
	const uint64_t first = 2 * most;
	struct expected_block expected = { .least = mimalloc_block_bytes(least + padding, &unused),
		                           .most = mimalloc_block_bytes(most + padding, &slack),
		                           .kept = padding == 0 ? first
		                                                : mimalloc_block_bytes(first + padding, &unused) };
	expected.most += slack;
	return expected;
}

static uint64_t chunk_bytes(uint64_t requested)
{
	const uint64_t bytes = round_up(requested + CHUNK_WORD, GLIBC_CHUNK_ALIGNMENT);
	return bytes < GLIBC_CHUNK_SMALLEST ? GLIBC_CHUNK_SMALLEST : bytes;
}

/* A slab's region is the class of the request; an extent has a page more than that, less what is left out in front. */
static struct expected_block expect_class(const struct allocators *allocators, uint64_t least, uint64_t most)
{
	const uint64_t *classes = allocators->jemalloc_classes;
	unsigned low = 0, high = 0;
	while (low < JEMALLOC_CLASSES - 1 && classes[low] < least)
		low++;
	while (high < JEMALLOC_CLASSES - 1 && classes[high] < most)
		high++;
	return (struct expected_block){ classes[low], round_up(classes[high], GLIBC_PAGE) + GLIBC_PAGE, 0 };
}

/* Sizes of blocks are at most a fifth apart, and large ones take whole slices; what is aligned may lose some in front.
 * A block that shrinks to no less than half stays (mi_heap_realloc_zero). */
static struct expected_block expect_in_pool(uint64_t least, uint64_t most)
{
	return (struct expected_block){ least, most + most / 4 + 2 * ALIGNED_MOST + POOL_SLICE, 2 * most + POOL_SLICE };
}

/* What malloc leaves with a chunk rather than cut it off: less than the smallest chunk, and of memory that was asked
 * for with an alignment also as much (malloc/malloc.c _int_memalign). Such addresses are the multiples of 64. */
static uint64_t chunk_slack(const struct allocator_block *block)
{
	return block->address % ALIGNED_MOST == 0 ? GLIBC_CHUNK_SMALLEST : CHUNK_SLACK;
}

struct expected_block allocators_expect(const struct allocators *allocators, const struct allocator_block *block,
                                        uint64_t least, uint64_t most)
{
	switch ((enum allocator)block->allocator) {
	case ALLOCATOR_PYMALLOC:
		return expect_pool(least, most);
	case ALLOCATOR_MIMALLOC:
		return expect_page(allocators->layout, least, most);
	case ALLOCATOR_JEMALLOC:
		return expect_class(allocators, least, most);
	case ALLOCATOR_MIMALLOC_POOL:
		return expect_in_pool(least, most);
	case ALLOCATOR_MMAP:
		/* Alone in its pages: the previous size's word is its own too. */
		if (block->address % GLIBC_PAGE != GLIBC_CHUNK_HEADER)
			most += ALIGNED_MOST + GLIBC_CHUNK_SMALLEST;
		return (struct expected_block){ round_up(least + GLIBC_CHUNK_HEADER, GLIBC_PAGE),
			                        round_up(most + GLIBC_CHUNK_HEADER, GLIBC_PAGE), 0 };
	default:
		return (struct expected_block){ chunk_bytes(least), chunk_bytes(most) + chunk_slack(block), 0 };
	}
}
