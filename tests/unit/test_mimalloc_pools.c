/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "allocator/mimalloc_pools.h"

/* Variables of a library, and the mimalloc that it was linked with, described as each version does. */
enum {
	BYTES = 1 << 26,
	SLICE = 1 << 16,
	MAP = 1 << 16,
	SUBMAP = 3 << 16,
	ARENA = 4 << 16,
	PAGE = 5 << 16, /* its description, too */
	FIRST = PAGE + 128, /* of its blocks */
	BLOCK = 96,
	CAPACITY = 40,
	USED = 36,
};

static const uint64_t base = UINT64_C(1) << 41;

static struct {
	uint8_t *bytes;
	struct address_space *space;
	struct reader reader;
	struct mimalloc_pools pools;
	struct mimalloc_pools_cursor cursor;
} target;

static void put(uint64_t offset, uint64_t value, size_t size)
{
	memcpy(target.bytes + offset, &value, size);
}

static int open_target(void **state)
{
	(void)state;
	target.bytes = calloc(1, BYTES);
	assert_non_null(target.bytes);
	assert_int_equal(address_space_open_buffer(&target.space, base, target.bytes, BYTES, NULL), OK);
	reader_init(&target.reader, target.space);
	const struct mapped_file file = {
		.path = strdup("/lib/libarrow.so.2600"), .start = base, .end = base + SLICE, .is_elf = true
	};
	assert_true(array_push(&target.space->files, file));
	return 0;
}

static int close_target(void **state)
{
	(void)state;
	address_space_close(target.space);
	free(target.bytes);
	return 0;
}

/* Blocks 1 and 3 in the list of free ones, 5 and 7 in that of those not collected yet; 9 was freed by another thread.
 */
static void put_lists(uint64_t page, const struct mimalloc_row *row, uint64_t first)
{
	put(page + row->capacity, CAPACITY, 2);
	put(page + row->capacity + 2, CAPACITY + 100, 2);
	put(page + row->used, USED, row->used_bytes);
	put(page + row->block_size, BLOCK, row->block_size_bytes);
	put(page + row->free, base + first + BLOCK, 8);
	put(first + BLOCK, base + first + 3 * BLOCK, 8);
	put(page + row->local_free, base + first + 5 * BLOCK, 8);
	put(first + 5 * BLOCK, base + first + 7 * BLOCK, 8);
	put(page + row->thread_free, (base + first + 9 * BLOCK) | 1, 8);
}

static void put_map(const struct mimalloc_row *row)
{
	put(64, base + MAP, 8);
	put(MAP, base + MAP + SLICE, 8);
	put(MAP + 8 * (base >> 29), base + SUBMAP, 8);
	put(SUBMAP + 8 * (PAGE >> 16), base + PAGE, 8);
	put(ARENA + row->arena_slices, 64, 8);
	put_lists(PAGE, row, FIRST);
	put(PAGE + row->start, row->start_kind == MIMALLOC_START_WORDS ? (FIRST - PAGE) / 8 : base + FIRST,
	    row->start_kind == MIMALLOC_START_WORDS ? 4 : 8);
	put(PAGE + row->memory_id, base + ARENA, 8);
	put(PAGE + row->memory_id + 8, 1, 4);
	put(PAGE + row->memory_id + 16, 7, 4);
}

static uint64_t put_segment(const struct mimalloc_row *row)
{
	const uint32_t slices = row->segment_bytes >> 16;
	const uint64_t page = row->slices + 4 * (uint64_t)row->page_bytes;
	uint64_t first = 4 * SLICE;
	put(row->segment_slices, slices, 8);
	put(row->info_slices, 4, 8);
	put(row->slice_entries, slices, 8);
	put(row->cookie, base ^ 0x1234567, 8);
	put(row->slices, 4, 4);
	put(page, 2, 4);
	put(row->slices + 5 * (uint64_t)row->page_bytes + 4, row->page_bytes, 4);
	put(row->slices + 6 * (uint64_t)row->page_bytes, slices - 6, 4); /* free */
	first += 128;
	if (row->start_kind == MIMALLOC_START_POINTER)
		put(page + row->start, base + first, 8);
	put_lists(page, row, first);
	return first;
}

static void check_blocks(uint64_t first)
{
	struct mimalloc_pool_page page;
	assert_non_null(target.pools.file);
	mimalloc_pools_cursor_init(&target.cursor, &target.pools, &target.reader);
	assert_true(mimalloc_pools_cursor_next(&target.cursor));
	assert_false(target.cursor.is_broken);
	assert_int_equal(target.cursor.page.start, base + first);
	assert_int_equal(target.cursor.page.block_bytes, BLOCK);
	assert_int_equal(target.cursor.used, USED - 1);
	for (unsigned i = 0; i < CAPACITY; i++)
		assert_int_equal(target.cursor.is_free[i / 8] >> i % 8 & 1, i % 2 == 1 && i <= 9);
	assert_false(mimalloc_pools_cursor_next(&target.cursor));
	assert_true(mimalloc_pools_page_at(&target.pools, &target.reader, base + first + 10, &page));
	assert_int_equal(page.start, base + first);
	assert_false(mimalloc_pools_page_at(&target.pools, &target.reader, base + first + CAPACITY * BLOCK, &page));
	assert_false(mimalloc_pools_page_at(&target.pools, &target.reader, base + first - 1, &page));
	assert_false(mimalloc_pools_page_at(&target.pools, &target.reader, UINT64_MAX, &page));
}

static void each_version(void **state)
{
	for (int i = 0; i < MIMALLOC_ROWS; i++) {
		const struct mimalloc_row *row = &mimalloc_rows[i];
		memset(target.bytes, 0, BYTES);
		uint64_t first = FIRST;
		if (row->segment_bytes == 0)
			put_map(row);
		else
			first = put_segment(row);
		mimalloc_pools_find(&target.pools, target.space);
		assert_ptr_equal(target.pools.row, row);
		check_blocks(first);
	}
	(void)state;
}

static void only_what_is_whole(void **state)
{
	const struct mimalloc_row *row = &mimalloc_rows[MIMALLOC_ROWS - 1];
	(void)state;
	mimalloc_pools_find(&target.pools, target.space);
	assert_null(target.pools.file);
	put_map(row);
	put(PAGE + row->memory_id + 8, 9, 4); /* a slice behind the page */
	mimalloc_pools_find(&target.pools, target.space);
	assert_null(target.pools.file);
	put(PAGE + row->memory_id + 8, 1, 4);
	put(MAP, base + MAP + 8, 8); /* no submap can be there */
	mimalloc_pools_find(&target.pools, target.space);
	assert_null(target.pools.file);
	put(MAP, base + MAP + SLICE, 8);
	put(FIRST + 3 * BLOCK, base + FIRST + BLOCK, 8); /* a list that goes round */
	mimalloc_pools_find(&target.pools, target.space);
	mimalloc_pools_cursor_init(&target.cursor, &target.pools, &target.reader);
	assert_true(mimalloc_pools_cursor_next(&target.cursor));
	assert_true(target.cursor.is_broken);
	assert_int_equal(target.cursor.used, 0);
	put(FIRST + 3 * BLOCK, 0, 8);
	put(PAGE + row->used, USED - 1, 2); /* one is nowhere */
	mimalloc_pools_cursor_init(&target.cursor, &target.pools, &target.reader);
	assert_true(mimalloc_pools_cursor_next(&target.cursor));
	assert_true(target.cursor.is_broken);
}

static void segments_that_do_not_close(void **state)
{
	const struct mimalloc_row *row = &mimalloc_rows[1];
	(void)state;
	(void)put_segment(row);
	put(row->slices + 6 * (uint64_t)row->page_bytes, 3, 4);
	mimalloc_pools_find(&target.pools, target.space);
	assert_null(target.pools.file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_version, open_target, close_target),
		cmocka_unit_test_setup_teardown(only_what_is_whole, open_target, close_target),
		cmocka_unit_test_setup_teardown(segments_that_do_not_close, open_target, close_target),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
