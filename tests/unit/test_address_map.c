/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/address_map.h"

static void keys_and_values(void **state)
{
	(void)state;
	struct address_map map = { .slots = NULL };
	assert_int_equal(address_map_get(&map, 0x1000), ADDRESS_MAP_NONE);
	for (uint32_t i = 1; i <= 10000; i++)
		assert_true(address_map_set(&map, (uint64_t)i << 12, i));
	assert_true(address_map_set(&map, UINT64_C(7) << 12, 70000));
	assert_int_equal(map.count, 10000);
	for (uint32_t i = 1; i <= 10000; i++) {
		assert_int_equal(address_map_get(&map, (uint64_t)i << 12), i == 7 ? 70000 : i);
		assert_int_equal(address_map_get(&map, ((uint64_t)i << 12) + 16), ADDRESS_MAP_NONE);
	}
	address_map_clear(&map);
	assert_int_equal(address_map_get(&map, 0x1000), ADDRESS_MAP_NONE);
}

/* A word of memory that is no object may well be 0 where a type would be. */
static void no_address(void **state)
{
	(void)state;
	struct address_map map = { .slots = NULL };
	assert_int_equal(address_map_get(&map, 0), ADDRESS_MAP_NONE);
	for (uint32_t i = 1; i <= 100; i++) {
		assert_true(address_map_set(&map, 16 * (uint64_t)i, i));
		assert_int_equal(address_map_get(&map, 0), ADDRESS_MAP_NONE);
	}
	address_map_clear(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_and_values),
		cmocka_unit_test(no_address),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
