/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "decode/allocated.h"

enum { BASE = 0x100000, BYTES = 0x20000, POOL = 0x4000, HEADER = 48 };

struct target {
	uint8_t bytes[BYTES];
	struct address_space *space;
	struct layout layout;
	struct decode_context context;
	struct decoder decoder;
	struct glibc glibc;
	struct glibc_arena arena;
	struct glibc_heap heap;
};

static struct target target;

static void set_field(enum layout_field field, uint32_t offset, uint16_t size)
{
	target.layout.fields[field] = (struct layout_place){ .offset = offset, .size = size };
}

static int open_target(void **state)
{
	(void)state;
	memset(&target, 0, sizeof target);
	assert_int_equal(address_space_open_buffer(&target.space, BASE, target.bytes, BYTES, NULL), OK);
	target.layout.features[FEATURE_LARGE_POOLS] = true;
	target.layout.struct_bytes[STRUCT_pool_header] = HEADER;
	set_field(FIELD_pool_header_ref_count, 0, 4);
	set_field(FIELD_pool_header_freeblock, 8, 8);
	set_field(FIELD_pool_header_szidx, 36, 4);
	set_field(FIELD_pool_header_nextoffset, 40, 4);
	set_field(FIELD_pool_header_maxnextoffset, 44, 4);
	target.context.space = target.space;
	target.context.allocators.layout = &target.layout;
	target.context.allocators.space = target.space;
	target.decoder.context = &target.context;
	target.decoder.layout = &target.layout;
	reader_init(&target.decoder.reader, target.space);
	return 0;
}

/* glibc's malloc has all of the memory as its main arena's heap. */
static void put_heap(void)
{
	target.arena = (struct glibc_arena){ .top = BASE + BYTES - 64, .is_main = true };
	target.heap = (struct glibc_heap){ .start = BASE, .end = BASE + BYTES, .first_chunk = BASE };
	target.glibc = (struct glibc){ .state = &glibc_state_layouts[0], .par = &glibc_par_layouts[0] };
	target.glibc.arenas.items = &target.arena;
	target.glibc.heaps.items = &target.heap;
	target.glibc.arenas.count = target.glibc.heaps.count = 1;
	target.context.allocators.glibc.items = &target.glibc;
	target.context.allocators.glibc.count = 1;
}

static int close_target(void **state)
{
	(void)state;
	address_space_close(target.space);
	return 0;
}

static void put_u32(uint64_t address, uint32_t value)
{
	memcpy(target.bytes + (address - BASE), &value, sizeof value);
}

static void put_u64(uint64_t address, uint64_t value)
{
	memcpy(target.bytes + (address - BASE), &value, sizeof value);
}

/* A pool in which `carved` blocks were given out and none freed. */
static void put_pool(uint64_t pool, uint32_t pool_bytes, uint32_t size_class, uint32_t carved)
{
	put_u32(pool, carved);
	put_u64(pool + 8, 0);
	put_u32(pool + 36, size_class / 16 - 1);
	put_u32(pool + 40, HEADER + carved * size_class);
	put_u32(pool + 44, pool_bytes - size_class);
}

static void put_big_endian(uint64_t address, uint64_t value)
{
	put_u64(address, __builtin_bswap64(value));
}

/* The guards of a debug build around `bytes` bytes at address. */
static void put_guards(uint64_t address, uint64_t bytes)
{
	put_big_endian(address - 16, bytes);
	memset(target.bytes + (address - BASE) - 8, 0xFD, 8);
	target.bytes[address - BASE - 8] = 'o';
	memset(target.bytes + (address - BASE) + bytes, 0xFD, 8);
}

static struct allocation find(uint64_t address, uint64_t requested, uint64_t most, bool can_shrink)
{
	struct allocation allocation = {
		.address = address, .requested = requested, .most = most, .can_shrink = can_shrink
	};
	allocation_find(&target.decoder, &allocation);
	assert_int_equal(allocation.requested, requested);
	return allocation;
}

static void assert_allocation(uint64_t address, uint64_t requested, enum allocator allocator, uint64_t taken,
                              enum agreement agreement)
{
	const struct allocation allocation = find(address, requested, requested, false);
	assert_int_equal(allocation.allocator, allocator);
	assert_int_equal(allocation.taken, taken);
	assert_int_equal(allocation.agreement, agreement);
}

static void pools(void **state)
{
	(void)state;
	const uint64_t pool = BASE + 2 * POOL;
	put_pool(pool, POOL, 64, 100);
	assert_allocation(pool + HEADER, 56, ALLOCATOR_PYMALLOC, 64, AGREEMENT_EXACT);
	assert_allocation(pool + HEADER + 64, 64, ALLOCATOR_PYMALLOC, 64, AGREEMENT_EXACT);
	assert_allocation(pool + HEADER, 49, ALLOCATOR_PYMALLOC, 64, AGREEMENT_EXACT);
	/* other classes; larger than any; inside a block */
	assert_allocation(pool + HEADER, 48, ALLOCATOR_PYMALLOC, 64, DISAGREEMENT_SIZE);
	assert_allocation(pool + HEADER, 65, ALLOCATOR_PYMALLOC, 64, DISAGREEMENT_SIZE);
	assert_allocation(pool + HEADER, 4096, ALLOCATOR_PYMALLOC, 64, DISAGREEMENT_SIZE);
	assert_allocation(pool + HEADER + 16, 64, ALLOCATOR_PYMALLOC, 64, DISAGREEMENT_PLACE);
	/* the header itself, and blocks that were never given out */
	assert_int_equal(find(pool + 16, 16, 16, false).allocator, ALLOCATOR_UNKNOWN);
	assert_int_equal(find(pool + HEADER + 6400, 64, 64, false).allocator, ALLOCATOR_UNKNOWN);
}

static void requests_that_are_not_known_exactly(void **state)
{
	(void)state;
	const uint64_t pool = BASE + 2 * POOL;
	put_pool(pool, POOL, 64, 100);
	assert_int_equal(find(pool + HEADER, 30, 40, false).agreement, DISAGREEMENT_SIZE);
	assert_int_equal(find(pool + HEADER, 30, 50, false).agreement, AGREEMENT_EXACT);
	assert_int_equal(find(pool + HEADER, 30, 100, false).agreement, AGREEMENT_EXACT);
	assert_int_equal(find(pool + HEADER, 65, 100, false).agreement, DISAGREEMENT_SIZE);
	/* realloc leaves what is larger than three quarters of the block */
	put_pool(pool, POOL, 160, 10);
	assert_int_equal(find(pool + HEADER, 145, 145, true).agreement, AGREEMENT_EXACT);
	assert_int_equal(find(pool + HEADER, 121, 121, true).agreement, AGREEMENT_KEPT);
	assert_int_equal(find(pool + HEADER, 121, 121, false).agreement, DISAGREEMENT_SIZE);
	assert_int_equal(find(pool + HEADER, 120, 120, true).agreement, DISAGREEMENT_SIZE);
	assert_int_equal(find(pool + HEADER, 161, 161, true).agreement, DISAGREEMENT_SIZE);
}

static void headers_that_are_none(void **state)
{
	(void)state;
	const uint64_t pool = BASE + 2 * POOL;
	const struct {
		uint32_t offset, value;
	} wrong[] = {
		{ 0, 0 }, { 0, 101 }, { 8, 17 }, { 36, 32 }, { 36, 2 }, { 40, 48 }, { 40, 0x4001 }, { 44, 0x3FC1 }
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		put_pool(pool, POOL, 64, 100);
		put_u32(pool + wrong[i].offset, wrong[i].value);
		assert_int_equal(find(pool + HEADER, 64, 64, false).allocator, ALLOCATOR_UNKNOWN);
	}
}

static void small_pools_up_to_3_9(void **state)
{
	(void)state;
	target.layout.features[FEATURE_LARGE_POOLS] = false;
	put_pool(BASE + 4096, 4096, 96, 2);
	assert_allocation(BASE + 4096 + HEADER + 96, 90, ALLOCATOR_PYMALLOC, 96, AGREEMENT_EXACT);
}

static void put_chunk(uint64_t block, uint64_t bytes)
{
	put_u64(block - 8, bytes | GLIBC_PREV_INUSE);
	put_u64(block - 8 + bytes, 0x20 | GLIBC_PREV_INUSE);
}

static void malloc_chunks(void **state)
{
	(void)state;
	const uint64_t block = BASE + 0x1010;
	memset(target.bytes, 0xFF, 0x1000); /* no pool header */
	put_chunk(block, 0x410);
	/* the same words are no header where there is no glibc */
	assert_allocation(block, 1024, ALLOCATOR_UNKNOWN, 1024, AGREEMENT_NONE);
	put_heap();
	assert_allocation(block, 1024, ALLOCATOR_MALLOC, 0x410, AGREEMENT_EXACT);
	assert_allocation(block, 1032, ALLOCATOR_MALLOC, 0x410, AGREEMENT_EXACT);
	assert_allocation(block, 1017, ALLOCATOR_MALLOC, 0x410, AGREEMENT_EXACT);
	assert_allocation(block, 1016, ALLOCATOR_MALLOC, 0x410, AGREEMENT_EXACT); /* with a rest of 16 bytes */
	assert_allocation(block, 1033, ALLOCATOR_MALLOC, 0x410, DISAGREEMENT_SIZE);
	assert_allocation(block, 600, ALLOCATOR_MALLOC, 0x410, DISAGREEMENT_SIZE);
	/* free, as the next one says; of another arena; where none of the heap's chunks can be */
	put_u64(block - 8 + 0x410, 0x20);
	assert_allocation(block, 1024, ALLOCATOR_UNKNOWN, 1024, AGREEMENT_NONE);
	put_chunk(block, 0x410);
	put_u64(block - 8, 0x410 | GLIBC_PREV_INUSE | GLIBC_NON_MAIN_ARENA);
	assert_allocation(block, 1024, ALLOCATOR_UNKNOWN, 1024, AGREEMENT_NONE);
	put_chunk(block, 0x410);
	target.heap.first_chunk = block;
	assert_allocation(block, 1024, ALLOCATOR_UNKNOWN, 1024, AGREEMENT_NONE);
	target.heap.first_chunk = BASE;
	/* longer than the memory, shorter than any, at an odd place */
	put_u64(block - 8, 0x40000 | 1);
	assert_allocation(block, 1024, ALLOCATOR_UNKNOWN, 1024, AGREEMENT_NONE);
	put_u64(block - 8, 0x10 | 1);
	assert_allocation(block, 1, ALLOCATOR_UNKNOWN, 16, AGREEMENT_NONE);
	put_u64(block, 0x410 | 1);
	assert_allocation(block + 8, 1024, ALLOCATOR_UNKNOWN, 1024, AGREEMENT_NONE);
}

static void mapped_chunks(void **state)
{
	(void)state;
	const uint64_t block = BASE + 0x1010;
	memset(target.bytes, 0xFF, 0x1000); /* no pool header */
	put_u64(block - 8, 0x5000 | GLIBC_IS_MMAPPED);
	put_heap();
	target.glibc.heaps.count = 0;
	assert_allocation(block, 0x4800, ALLOCATOR_UNKNOWN, 0x4800, AGREEMENT_NONE);
	target.glibc.mapped_count = 1;
	assert_allocation(block, 0x4800, ALLOCATOR_MMAP, 0x5000, AGREEMENT_EXACT);
	assert_allocation(block, 0x3800, ALLOCATOR_MMAP, 0x5000, DISAGREEMENT_SIZE);
	put_u64(block - 8, 0x4ff0 | GLIBC_IS_MMAPPED);
	assert_allocation(block, 0x4800, ALLOCATOR_UNKNOWN, 0x4800, AGREEMENT_NONE);
	target.glibc.par = &glibc_par_layouts[2]; /* which leave out two words */
	assert_allocation(block, 0x4800, ALLOCATOR_MMAP, 0x5000, AGREEMENT_EXACT);
	put_u64(block - 8, 0x5010 | GLIBC_IS_MMAPPED);
	assert_allocation(block, 0x4800, ALLOCATOR_UNKNOWN, 0x4800, AGREEMENT_NONE);
	/* aligned: the first bytes of its pages are left out */
	put_u64(block - 16 + 0x30, 0x30);
	put_u64(block - 8 + 0x30, (0x5000 - 0x40) | GLIBC_IS_MMAPPED);
	assert_allocation(block + 0x30, 0x4800, ALLOCATOR_MMAP, 0x5000, AGREEMENT_EXACT);
	/* and what was asked for has room for them, where they were not needed too */
	assert_allocation(block + 0x30, 0x3fd0, ALLOCATOR_MMAP, 0x5000, AGREEMENT_EXACT);
	assert_allocation(block + 0x30, 0x3f00, ALLOCATOR_MMAP, 0x5000, DISAGREEMENT_SIZE);
}

/* What posix_memalign() is given may have a rest of 32 bytes. */
static void aligned_chunks(void **state)
{
	(void)state;
	const uint64_t block = BASE + 0x1040;
	memset(target.bytes, 0xFF, 0x1000); /* no pool header */
	put_chunk(block, 0x430);
	put_heap();
	assert_allocation(block, 1024, ALLOCATOR_MALLOC, 0x430, AGREEMENT_EXACT);
	assert_allocation(block, 1000, ALLOCATOR_MALLOC, 0x430, DISAGREEMENT_SIZE);
}

static void guards_of_debug_builds(void **state)
{
	(void)state;
	const uint64_t pool = BASE + 4 * POOL;
	put_pool(pool, POOL, 80, 10);
	/* 56 asked for by the object, 24 bytes of guards */
	put_guards(pool + HEADER + 80 + 16, 56);
	assert_allocation(pool + HEADER + 80 + 16, 56, ALLOCATOR_PYMALLOC, 80, AGREEMENT_EXACT);
	/* the same class, but not what the guards say */
	assert_allocation(pool + HEADER + 80 + 16, 55, ALLOCATOR_PYMALLOC, 80, DISAGREEMENT_SIZE);
	assert_int_equal(find(pool + HEADER + 80 + 16, 50, 56, false).agreement, AGREEMENT_EXACT);
	/* two layers: size 1000, then 1024 with the guards of malloc's own domain around it */
	const uint64_t outer = BASE + 0x8010;
	memset(target.bytes + 0x8000, 0xFF, 0x10);
	put_heap();
	put_chunk(outer, 0x430);
	put_guards(outer + 32, 1000);
	put_guards(outer + 16, 1024);
	assert_allocation(outer + 32, 1000, ALLOCATOR_MALLOC, 0x430, AGREEMENT_EXACT);
	put_big_endian(outer, 1023);
	put_guards(outer + 16, 1023);
	assert_allocation(outer + 32, 1000, ALLOCATOR_MALLOC, 0x430, DISAGREEMENT_SIZE);
}

static void hostile_numbers(void **state)
{
	(void)state;
	assert_allocation(0, UINT64_MAX, ALLOCATOR_UNKNOWN, UINT64_MAX, AGREEMENT_NONE);
	assert_allocation(UINT64_MAX, 16, ALLOCATOR_UNKNOWN, 16, AGREEMENT_NONE);
	put_u64(BASE + 8, UINT64_MAX);
	assert_allocation(BASE + 16, UINT64_MAX - 3, ALLOCATOR_UNKNOWN, UINT64_MAX - 3, AGREEMENT_NONE);
	put_guards(BASE + 32, 16);
	put_big_endian(BASE + 16, UINT64_MAX);
	assert_int_equal(find(BASE + 32, UINT64_MAX, UINT64_MAX, true).allocator, ALLOCATOR_UNKNOWN);
	put_pool(BASE + POOL, POOL, 512, 3);
	assert_allocation(BASE + POOL + HEADER, UINT64_MAX, ALLOCATOR_PYMALLOC, 512, DISAGREEMENT_SIZE);
	assert_allocation(BASE + POOL + HEADER, 0, ALLOCATOR_PYMALLOC, 512, DISAGREEMENT_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(pools, open_target, close_target),
		cmocka_unit_test_setup_teardown(requests_that_are_not_known_exactly, open_target, close_target),
		cmocka_unit_test_setup_teardown(headers_that_are_none, open_target, close_target),
		cmocka_unit_test_setup_teardown(small_pools_up_to_3_9, open_target, close_target),
		cmocka_unit_test_setup_teardown(malloc_chunks, open_target, close_target),
		cmocka_unit_test_setup_teardown(mapped_chunks, open_target, close_target),
		cmocka_unit_test_setup_teardown(aligned_chunks, open_target, close_target),
		cmocka_unit_test_setup_teardown(guards_of_debug_builds, open_target, close_target),
		cmocka_unit_test_setup_teardown(hostile_numbers, open_target, close_target),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
