/* SPDX-License-Identifier: MIT
 * byte_counts: 32 bits where the sum of all fits, in units where they help, 64 where not: the same numbers either way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/byte_counts.h"

enum { NUMBERS = 5 };

static void holds(const uint64_t *numbers, bool is_narrow)
{
	struct byte_counts counts;
	uint64_t total = 0, bits = 0;
	for (int i = 0; i < NUMBERS; i++) {
		total += numbers[i];
		bits |= numbers[i];
	}
	assert_true(byte_counts_open(&counts, NUMBERS + 1, total, bits));
	assert_int_equal(counts.narrow != NULL, is_narrow);
	for (int i = 0; i < NUMBERS; i++) {
		byte_counts_add(&counts, (uint64_t)i, numbers[i]);
		byte_counts_add(&counts, NUMBERS, numbers[i]);
	}
	for (int i = 0; i < NUMBERS; i++)
		assert_int_equal(byte_counts_at(&counts, (uint64_t)i), numbers[i]);
	assert_int_equal(byte_counts_at(&counts, NUMBERS), total);
	byte_counts_close(&counts);
	assert_false(byte_counts_are_open(&counts));
}

static void numbers_are_as_they_were(void **state)
{
	(void)state;
	holds((const uint64_t[NUMBERS]){ 0 }, true);
	holds((const uint64_t[NUMBERS]){ 1, 2, 3, 0, 7 }, true);
	/* All together are just too many, and just not. */
	holds((const uint64_t[NUMBERS]){ UINT32_MAX, 1, 0, 0, 0 }, false);
	holds((const uint64_t[NUMBERS]){ UINT32_MAX - 1, 1, 0, 0, 0 }, true);
	/* Multiples of 16: 64 GiB less one of them. */
	holds((const uint64_t[NUMBERS]){ UINT64_C(16) * (UINT32_MAX - 2), 16, 16, 0, 0 }, true);
	holds((const uint64_t[NUMBERS]){ UINT64_C(16) * (UINT32_MAX - 2), 16, 16, 16, 0 }, false);
	holds((const uint64_t[NUMBERS]){ UINT64_C(1) << 60, 8, 0, 0, 0 }, false);
	holds((const uint64_t[NUMBERS]){ UINT64_C(1) << 60, UINT64_C(1) << 40, 0, 0, 0 }, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_as_they_were),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
