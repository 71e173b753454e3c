/* SPDX-License-Identifier: MIT
 * The set of what was reached, and the numbers of objects, on random addresses of three segments, one of them absent,
 * against a sorted list of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "graph/object_index.h"
#include "memory/space_source.h"

enum { ROUNDS = 300, BYTES = 1 << 14, MOST_OBJECTS = 400 };

static const uint64_t starts[] = { UINT64_C(0x10008), UINT64_C(0x7f0000000000), UINT64_C(0x7f0000100000) };
static uint8_t bytes[2][BYTES];
static uint64_t random_state = 20261127;

static uint64_t random_below(uint64_t limit)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (random_state >> 33) % limit;
}

static struct address_space *open_space(void)
{
	struct address_space *space;
	const struct segment claims[] = {
		{ .start = starts[0], .end = starts[0] + BYTES - 8, .data = bytes[0] },
		{ .start = starts[1], .end = starts[1] + BYTES, .absent = ABSENT_NOT_DUMPED },
		{ .start = starts[2], .end = starts[2] + BYTES, .data = bytes[1] },
	};
	assert_int_equal(address_space_create(&space, SPACE_BUFFER, NULL), OK);
	assert_int_equal(address_space_set_segments(space, claims, 3, NULL), OK);
	return space;
}

static int compare(const void *left, const void *right)
{
	const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
	return a < b ? -1 : a > b;
}

/* One object for each 16 bytes at most. */
static size_t random_objects(uint64_t *objects)
{
	size_t count = 0;
	for (uint64_t i = random_below(MOST_OBJECTS); i > 0; i--) {
		const uint64_t address = starts[2 * random_below(2)] / 16 * 16 + 16 + 16 * random_below(BYTES / 16 - 2);
		bool is_there = false;
		for (size_t k = 0; k < count; k++)
			is_there |= objects[k] / 16 == address / 16;
		if (!is_there)
			objects[count++] = address + 8 * random_below(2);
	}
	return count;
}

static void check_numbers(const struct object_index *index, const uint64_t *objects, size_t count)
{
	struct object_cursor cursor;
	assert_int_equal(index->count, count);
	object_cursor_init(&cursor, index);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(object_cursor_next(&cursor), objects[i]);
		assert_int_equal(object_index_find(index, objects[i]), i);
		assert_int_equal(object_index_address(index, (uint32_t)i), objects[i]);
		for (uint64_t other = objects[i] / 16 * 16; other < objects[i] / 16 * 16 + 16; other++)
			if (other != objects[i])
				assert_int_equal(object_index_find(index, other), UINT32_MAX);
	}
	assert_int_equal(object_cursor_next(&cursor), 0);
	if (count == 0)
		return;
	const uint32_t from = (uint32_t)random_below(count);
	object_cursor_init_at(&cursor, index, from);
	for (size_t i = from; i < count; i++)
		assert_int_equal(object_cursor_next(&cursor), objects[i]);
	assert_int_equal(object_index_find(index, starts[1] + 64), UINT32_MAX);
	assert_int_equal(object_index_find(index, 0), UINT32_MAX);
}

static void random_addresses(void **state)
{
	(void)state;
	static uint64_t objects[MOST_OBJECTS];
	struct address_space *space = open_space();
	for (int round = 0; round < ROUNDS; round++) {
		struct object_index index;
		const size_t count = random_objects(objects);
		assert_int_equal(object_index_open(&index, space, NULL), OK);
		for (int again = 0; again < 2; again++) {
			for (size_t i = 0; i < count; i++) {
				const struct segment *segment = address_space_find(space, objects[i]);
				const uint64_t place = visited_place(&index.objects, segment, objects[i]);
				const uint64_t beside = visited_place(&index.objects, segment, objects[i] ^ 8);
				assert_false(visited_has(&index.objects, place));
				assert_true(again == 0 ? visited_add(&index.objects, place)
				                       : visited_add_shared(&index.objects, place));
				assert_true(visited_has(&index.objects, place));
				assert_false(visited_add(&index.objects, place));
				assert_false(visited_has(&index.objects, beside));
			}
			if (again == 0)
				visited_clear(&index.objects);
			else
				visited_share(&index.objects);
		}
		if (count > 0)
			qsort(objects, count, sizeof *objects, compare);
		assert_int_equal(object_index_number(&index, NULL), OK);
		check_numbers(&index, objects, count);
		object_index_close(&index);
	}
	address_space_close(space);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(random_addresses) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
