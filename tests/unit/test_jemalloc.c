/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "allocator/jemalloc.h"

/* The tree of pages of a jemalloc 5.3, with two levels, and its extents. */
enum {
	BYTES = 1 << 25,
	ROOT = 1 << 12, /* among the variables of a library */
	LEAF = 1 << 21,
	DESCRIPTORS = 1 << 16,
	EXTENTS = 1 << 23,
	EXTENT_BYTES = 1 << 18,
	COUNT = 8,
	CLASS = 40,
	NO_CLASS = 232,
};

static const uint64_t base = UINT64_C(1) << 41;
static uint8_t *bytes;
static struct address_space *space;

static void put(uint64_t offset, uint64_t value)
{
	memcpy(bytes + offset, &value, sizeof value);
}

static void put_extent(unsigned number, enum jemalloc_state state, uint64_t class)
{
	const uint64_t descriptor = DESCRIPTORS + 128 * (uint64_t)number;
	const uint64_t start = EXTENTS + EXTENT_BYTES * (uint64_t)number;
	put(descriptor, (uint64_t)state << 17 | class << 20);
	put(descriptor + 8, base + start);
	put(descriptor + 16, EXTENT_BYTES);
	for (uint64_t page = start >> 12; page < (start + EXTENT_BYTES) >> 12; page++)
		put(LEAF + 8 * page, (base + descriptor) | class << 48);
}

static int open_target(void **state)
{
	(void)state;
	bytes = calloc(1, BYTES);
	assert_non_null(bytes);
	assert_int_equal(address_space_open_buffer(&space, base, bytes, BYTES, NULL), OK);
	const struct mapped_file file = {
		.path = strdup("/lib/libjemalloc.so.2"), .start = base, .end = base + DESCRIPTORS, .is_elf = true
	};
	assert_true(array_push(&space->files, file));
	put(ROOT + 8 * (base >> 30), base + LEAF);
	for (unsigned i = 0; i < COUNT; i++)
		put_extent(i, JEMALLOC_ACTIVE, CLASS);
	return 0;
}

static int close_target(void **state)
{
	(void)state;
	address_space_close(space);
	free(bytes);
	return 0;
}

static void extents_by_state(void **state)
{
	struct jemalloc jemalloc;
	(void)state;
	put_extent(1, JEMALLOC_DIRTY, NO_CLASS);
	put_extent(2, JEMALLOC_RETAINED, NO_CLASS);
	assert_int_equal(jemalloc_find(&jemalloc, space, NULL, NULL), OK);
	assert_non_null(jemalloc.file);
	assert_int_equal(jemalloc.bytes[JEMALLOC_ACTIVE], (COUNT - 2) * EXTENT_BYTES);
	assert_int_equal(jemalloc.bytes[JEMALLOC_DIRTY], EXTENT_BYTES);
	assert_int_equal(jemalloc.bytes[JEMALLOC_RETAINED], EXTENT_BYTES);
	jemalloc_clear(&jemalloc);
}

/* While jemalloc returns one to the system it calls it active: such a process was once not believed at all. */
static void one_that_is_being_returned(void **state)
{
	struct jemalloc jemalloc;
	(void)state;
	put_extent(3, JEMALLOC_ACTIVE, NO_CLASS);
	put(LEAF + 8 * ((EXTENTS + EXTENT_BYTES * 3) >> 12), (base + DESCRIPTORS + 128 * 3) | UINT64_C(68) << 48);
	assert_int_equal(jemalloc_find(&jemalloc, space, NULL, NULL), OK);
	assert_non_null(jemalloc.file);
	assert_int_equal(jemalloc.bytes[JEMALLOC_ACTIVE], (COUNT - 1) * EXTENT_BYTES);
	assert_int_equal(jemalloc.bytes[JEMALLOC_DIRTY], EXTENT_BYTES);
	jemalloc_clear(&jemalloc);
}

static void pages_elsewhere(void **state)
{
	struct jemalloc jemalloc;
	(void)state;
	put(DESCRIPTORS + 128 * 3 + 8, base + EXTENTS);
	assert_int_equal(jemalloc_find(&jemalloc, space, NULL, NULL), OK);
	assert_null(jemalloc.file);
	jemalloc_clear(&jemalloc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(extents_by_state, open_target, close_target),
		cmocka_unit_test_setup_teardown(one_that_is_being_returned, open_target, close_target),
		cmocka_unit_test_setup_teardown(pages_elsewhere, open_target, close_target),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
