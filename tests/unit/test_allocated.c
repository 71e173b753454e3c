/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "decode/allocated.h"

enum { BASE = 0x100000, BYTES = 0x20000, POOL = 0x4000, SZIDX = 36, HEADER = 48 };

struct target {
	uint8_t bytes[BYTES];
	struct address_space *space;
	struct layout layout;
	struct decode_context context;
	struct decoder decoder;
};

static struct target target;

static int open_target(void **state)
{
	(void)state;
	memset(&target, 0, sizeof target);
	assert_int_equal(address_space_open_buffer(&target.space, BASE, target.bytes, BYTES, NULL), OK);
	target.layout.features[FEATURE_LARGE_POOLS] = true;
	target.context.space = target.space;
	target.decoder.context = &target.context;
	target.decoder.layout = &target.layout;
	reader_init(&target.decoder.reader, target.space);
	return 0;
}

static int close_target(void **state)
{
	(void)state;
	address_space_close(target.space);
	return 0;
}

static void put_u64(uint64_t address, uint64_t value)
{
	memcpy(target.bytes + (address - BASE), &value, sizeof value);
}

static void put_pool(uint64_t pool, uint32_t size_class)
{
	uint32_t szidx = size_class / 16 - 1;
	memcpy(target.bytes + (pool - BASE) + SZIDX, &szidx, sizeof szidx);
}

static void put_big_endian(uint64_t address, uint64_t value)
{
	put_u64(address, __builtin_bswap64(value));
}

static void assert_allocation(uint64_t address, uint64_t requested, enum allocator allocator, uint64_t taken)
{
	struct allocation allocation = allocation_at(&target.decoder, address, requested);
	assert_int_equal(allocation.allocator, allocator);
	assert_int_equal(allocation.taken, taken);
	assert_int_equal(allocation.requested, requested);
}

static void pools(void **state)
{
	(void)state;
	const uint64_t pool = BASE + 2 * POOL;
	put_pool(pool, 64);
	assert_allocation(pool + HEADER, 56, ALLOCATOR_PYMALLOC, 64);
	assert_allocation(pool + HEADER + 64, 64, ALLOCATOR_PYMALLOC, 64);
	/* realloc left it where it is; and memory that begins inside a block */
	assert_allocation(pool + HEADER, 49, ALLOCATOR_PYMALLOC, 64);
	assert_allocation(pool + HEADER + 16, 40, ALLOCATOR_PYMALLOC, 64);
	assert_allocation(pool + HEADER, 8, ALLOCATOR_PYMALLOC, 64);
	/* larger than the class, across two blocks, or the header itself */
	assert_allocation(pool + HEADER, 65, ALLOCATOR_UNKNOWN, 80);
	assert_allocation(pool + HEADER + 32, 48, ALLOCATOR_UNKNOWN, 48);
	assert_allocation(pool + 16, 16, ALLOCATOR_UNKNOWN, 16);
}

static void small_pools_up_to_3_9(void **state)
{
	(void)state;
	target.layout.features[FEATURE_LARGE_POOLS] = false;
	put_pool(BASE + 4096, 96);
	assert_allocation(BASE + 4096 + HEADER + 96, 90, ALLOCATOR_PYMALLOC, 96);
}

static void malloc_chunks(void **state)
{
	(void)state;
	const uint64_t block = BASE + 0x1010;
	memset(target.bytes, 0xFF, 0x1000); /* no pool header */
	put_u64(block - 8, 0x410 | 1);
	assert_allocation(block, 1024, ALLOCATOR_MALLOC, 0x410);
	assert_allocation(block, 1032, ALLOCATOR_MALLOC, 0x410);
	assert_allocation(block, 1033, ALLOCATOR_UNKNOWN, 1040);
	assert_allocation(block, 600, ALLOCATOR_UNKNOWN, 608); /* far too large for it: not its header */
	put_u64(block - 8, 0x5000 | 2);
	assert_allocation(block, 0x4800, ALLOCATOR_MMAP, 0x5000);
	put_u64(block - 8, 0x5010 | 2);
	assert_allocation(block, 0x4800, ALLOCATOR_UNKNOWN, 0x4800);
}

static void guards_of_debug_builds(void **state)
{
	(void)state;
	const uint64_t pool = BASE + 4 * POOL;
	put_pool(pool, 80);
	/* 56 asked for by the object, 56 by the program, 24 bytes of guards */
	put_big_endian(pool + HEADER + 80, 56);
	assert_allocation(pool + HEADER + 80 + 16, 56, ALLOCATOR_PYMALLOC, 80);
	/* two layers: size 1000, then 1024 with the guards of malloc's own domain around it */
	const uint64_t outer = BASE + 0x8010;
	memset(target.bytes + 0x8000, 0xFF, 0x10);
	put_u64(outer - 8, 0x430 | 1);
	put_big_endian(outer, 1024);
	put_big_endian(outer + 16, 1000);
	assert_allocation(outer + 32, 1000, ALLOCATOR_MALLOC, 0x430);
}

static void hostile_numbers(void **state)
{
	(void)state;
	assert_allocation(0, UINT64_MAX, ALLOCATOR_UNKNOWN, UINT64_MAX);
	assert_allocation(UINT64_MAX, 16, ALLOCATOR_UNKNOWN, 16);
	put_u64(BASE + 8, UINT64_MAX);
	assert_allocation(BASE + 16, UINT64_MAX - 3, ALLOCATOR_UNKNOWN, UINT64_MAX - 3);
	put_big_endian(BASE + 16, UINT64_MAX);
	assert_allocation(BASE + 32, UINT64_MAX, ALLOCATOR_UNKNOWN, UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(pools, open_target, close_target),
		cmocka_unit_test_setup_teardown(small_pools_up_to_3_9, open_target, close_target),
		cmocka_unit_test_setup_teardown(malloc_chunks, open_target, close_target),
		cmocka_unit_test_setup_teardown(guards_of_debug_builds, open_target, close_target),
		cmocka_unit_test_setup_teardown(hostile_numbers, open_target, close_target),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
