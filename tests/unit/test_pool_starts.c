/* SPDX-License-Identifier: MIT
 * pool_starts: the blocks that it puts in are those that allocation_pooled() finds one by one, in pools of every size
 * class and with addresses and requests that do not fit too; sums count each block once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "graph/native/pool_starts.h"

enum {
	ARENA = 0x100000,
	POOL = 0x4000,
	POOLS = 40,
	ARENA_BYTES = POOLS * POOL,
	BYTES = ARENA_BYTES + 2 * POOL, /* behind it is memory of others, which looks like a pool */
	HEADER = 48,
	CLASSES = PYMALLOC_LARGEST / PYMALLOC_ALIGNMENT,
};

struct target {
	uint8_t bytes[BYTES];
	struct address_space *space;
	struct layout layout;
	struct decode_context context;
	struct decoder decoder;
	struct pymalloc_table table;
	uint64_t start;
	struct visited set;
};

static struct target target;

static void set_field(enum layout_field field, uint32_t offset, uint16_t size)
{
	target.layout.fields[field] = (struct layout_place){ .offset = offset, .size = size };
}

static uint32_t class_of(uint32_t pool)
{
	return pool < CLASSES ? pool : (pool * 7) % CLASSES;
}

static int open_target(void **state)
{
	(void)state;
	memset(&target, 0, sizeof target);
	assert_int_equal(address_space_open_buffer(&target.space, ARENA, target.bytes, BYTES, NULL), OK);
	target.layout.struct_bytes[STRUCT_pool_header] = HEADER;
	set_field(FIELD_pool_header_arenaindex, 32, 4);
	set_field(FIELD_pool_header_szidx, 36, 4);
	for (uint32_t pool = 0; pool < BYTES / POOL; pool++) {
		const uint32_t class = class_of(pool);
		memcpy(target.bytes + (size_t)pool * POOL + 36, &class, sizeof class);
	}
	struct pymalloc_arenas *arenas = &target.context.allocators.pymalloc;
	target.table = (struct pymalloc_table){ .count = 1 };
	target.start = ARENA;
	arenas->tables.items = &target.table;
	arenas->starts.items = &target.start;
	arenas->tables.count = arenas->starts.count = 1;
	arenas->arena_bytes = ARENA_BYTES;
	arenas->pool_bytes = POOL;
	arenas->is_found = true;
	target.context.space = target.space;
	target.decoder.context = &target.context;
	target.decoder.layout = &target.layout;
	reader_init(&target.decoder.reader, target.space);
	assert_true(visited_open(&target.set, target.space));
	visited_share(&target.set);
	return 0;
}

static int close_target(void **state)
{
	(void)state;
	visited_close(&target.set);
	address_space_close(target.space);
	return 0;
}

static bool has(uint64_t address)
{
	const struct segment *segment = reader_segment(&target.decoder.reader, address);
	return visited_has(&target.set, visited_place(&target.set, segment, address));
}

/* What one by one would come to. */
struct expected {
	uint64_t count, sum;
};

/* Asks with the very size, with the class's smallest and largest request, and with ones of its neighbours. */
static void add_all_at(struct pool_starts *starts, uint64_t address, struct expected *expected)
{
	const uint32_t bytes = (class_of((uint32_t)((address - ARENA) / POOL)) + 1) * PYMALLOC_ALIGNMENT;
	const uint64_t requests[] = { bytes + 1, bytes - PYMALLOC_ALIGNMENT, bytes - 15, bytes, 513, UINT64_MAX };
	bool was_there = false;
	for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
		const uint32_t pooled = allocation_pooled(&target.decoder, address, requests[i]);
		const bool is_added = pool_starts_add(starts, &target.decoder, address, requests[i], i == 2);
		assert_int_equal(is_added, pooled != 0);
		if (is_added && !was_there) {
			expected->count++;
			expected->sum += pooled;
			was_there = true;
		}
	}
}

static void as_one_by_one(void **state)
{
	struct pool_starts starts;
	struct expected expected = { 0, 0 };
	(void)state;
	pool_starts_init(&starts, &target.set);
	for (uint64_t address = ARENA; address < ARENA + BYTES; address += 8)
		add_all_at(&starts, address, &expected);
	pool_starts_flush(&starts);
	assert_int_equal(starts.count, expected.count);
	assert_int_equal(starts.sum, expected.sum);
	uint64_t blocks = 0;
	for (uint32_t pool = 0; pool < POOLS; pool++)
		blocks += (POOL - HEADER) / ((class_of(pool) + 1) * PYMALLOC_ALIGNMENT);
	assert_in_range(starts.count, blocks, blocks + POOLS); /* the last one may be cut off by the pool's end */
	uint64_t found = 0;
	for (uint64_t address = ARENA; address < ARENA + BYTES; address += 8)
		found += has(address);
	assert_int_equal(found, starts.count);
}

/* Backwards, to and fro, and once more: no block counts twice, and heads only with the first. */
static void each_counts_once(void **state)
{
	static const uint32_t pools[] = { 3, 0, 3, 31, 0, 3 };
	struct pool_starts starts, others;
	uint64_t heads = 0, blocks = 0;
	(void)state;
	pool_starts_init(&starts, &target.set);
	pool_starts_init(&others, &target.set);
	for (size_t i = 0; i < sizeof pools / sizeof pools[0]; i++) {
		const uint64_t first = ARENA + pools[i] * (uint64_t)POOL + HEADER;
		const uint32_t bytes = (class_of(pools[i]) + 1) * PYMALLOC_ALIGNMENT;
		const bool is_new = i < 2 || i == 3;
		for (uint64_t k = (POOL - HEADER) / bytes; k-- > 0;) {
			struct pool_starts *to = k % 3 == 0 ? &others : &starts;
			assert_true(pool_starts_add(to, &target.decoder, first + k * bytes, bytes, k % 2 == 0));
			heads += is_new && k % 3 != 0 && k % 2 == 0;
			blocks += is_new;
		}
	}
	pool_starts_flush(&starts);
	pool_starts_flush(&others);
	pool_starts_flush(&others);
	assert_int_equal(starts.count + others.count, blocks);
	assert_int_equal(starts.head_count, heads);
}

/* A pool that is not there whole: nothing is put in, and who asks has to look himself. */
static void torn_pools(void **state)
{
	struct pool_starts starts;
	struct address_space *torn;
	(void)state;
	assert_int_equal(address_space_open_buffer(&torn, ARENA, target.bytes, POOL - 64, NULL), OK);
	reader_init(&target.decoder.reader, torn);
	pool_starts_init(&starts, &target.set);
	assert_false(pool_starts_add(&starts, &target.decoder, ARENA + HEADER, 16, false));
	pool_starts_flush(&starts);
	assert_int_equal(starts.count, 0);
	address_space_close(torn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(as_one_by_one, open_target, close_target),
		cmocka_unit_test_setup_teardown(each_counts_once, open_target, close_target),
		cmocka_unit_test_setup_teardown(torn_pools, open_target, close_target),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
