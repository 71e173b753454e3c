/* SPDX-License-Identifier: MIT
 * native_block: what is put into sixteen bytes comes out again, up to the largest block that there can be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "graph/native/native_block.h"

static void sizes_come_back(void **state)
{
	(void)state;
	for (unsigned power = 4; power < 55; power++) {
		/* Below 16 GiB any size, above only what chunks, pages and large pages can have. */
		const uint64_t unit = power < 34 ? 1 : power < 38 ? 16 : power < 46 ? 4096 : UINT64_C(1) << 21;
		const uint64_t base = UINT64_C(1) << power, sizes[] = { base - unit, base, base + unit };
		for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
			struct native_block block = native_block_of(0x1000, 0, ALLOCATOR_MALLOC);
			native_block_set_bytes(&block, sizes[i]);
			assert_int_equal(native_block_bytes(&block), sizes[i]);
		}
	}
}

static void what_has_no_unit_is_never_larger(void **state)
{
	(void)state;
	const uint64_t bytes = (UINT64_C(1) << 34) + 7;
	const struct native_block block = native_block_of(0x1000, bytes, ALLOCATOR_UNKNOWN);
	assert_true(native_block_bytes(&block) <= bytes && bytes - native_block_bytes(&block) < 16);
}

static void parts_keep_apart(void **state)
{
	(void)state;
	struct native_block block = native_block_of(NATIVE_ADDRESS_MOST, (UINT64_C(1) << 34) - 1, ALLOCATOR_UNKNOWN);
	block.owner = UINT32_MAX;
	block.strength = 7;
	block.holder = NATIVE_STATIC;
	assert_int_equal(block.address, NATIVE_ADDRESS_MOST);
	assert_int_equal(native_block_bytes(&block), (UINT64_C(1) << 34) - 1);
	assert_int_equal(block.allocator, ALLOCATOR_UNKNOWN);
	assert_int_equal(block.owner, UINT32_MAX);
	assert_false(block.is_exact || block.is_data);
	native_block_set_bytes(&block, 16);
	assert_int_equal(native_block_bytes(&block), 16);
	assert_int_equal(block.strength, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_come_back),
		cmocka_unit_test(what_has_no_unit_is_never_larger),
		cmocka_unit_test(parts_keep_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
