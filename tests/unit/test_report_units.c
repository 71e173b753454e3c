/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "render/units.h"

static void assert_bytes(uint64_t bytes, bool exact, const char *expected)
{
	struct text text = { .bytes = NULL };
	units_bytes(&text, bytes, exact);
	assert_string_equal(text_string(&text), expected);
	text_free(&text);
}

static void sizes_have_a_unit_and_one_decimal(void **state)
{
	(void)state;
	assert_bytes(0, false, "0 B");
	assert_bytes(1023, false, "1023 B");
	assert_bytes(1024, false, "1.0 KiB");
	assert_bytes(1331, false, "1.3 KiB");
	assert_bytes(30758320, false, "29.3 MiB");
	assert_bytes(UINT64_C(1406) << 20, false, "1406.0 MiB");
	assert_bytes(UINT64_C(10) << 30, false, "10.0 GiB");
	assert_bytes(UINT64_MAX, false, "16384.0 PiB");
	assert_bytes(30758320, true, "30,758,320");
	assert_bytes(0, true, "0");
	assert_bytes(UINT64_MAX, true, "18,446,744,073,709,551,615");
}

static void nouns_and_shares(void **state)
{
	(void)state;
	struct text text = { .bytes = NULL };
	units_noun(&text, 1, "object");
	text_add(&text, " ");
	units_noun(&text, 1204551, "object");
	text_add(&text, " ");
	units_percent(&text, 1, 3);
	text_add(&text, " ");
	units_percent(&text, 5, 0);
	text_add(&text, " ");
	units_percent(&text, 7, 7);
	assert_string_equal(text_string(&text), "1 object 1,204,551 objects 33.3 0.0 100.0");
	text_free(&text);
}

static void assert_parsed(const char *string, uint64_t expected)
{
	uint64_t bytes = 0;
	assert_true(units_parse_bytes(string, &bytes));
	assert_int_equal(bytes, expected);
}

static void typed_sizes(void **state)
{
	(void)state;
	uint64_t bytes;
	assert_parsed("0", 0);
	assert_parsed("4096", 4096);
	assert_parsed("10M", 10 << 20);
	assert_parsed("1.5GiB", UINT64_C(3) << 29);
	assert_parsed("2kB", 2000);
	assert_parsed("0.5k", 512);
	assert_parsed("12B", 12);
	static const char *const wrong[] = {
		"", "M", "-1", "1 M", "1X", "1MM", "1.5.2", "1e", "1MiC", "99999999999999999999", "20000000000G"
	};
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_false(units_parse_bytes(wrong[i], &bytes));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_have_a_unit_and_one_decimal),
		cmocka_unit_test(nouns_and_shares),
		cmocka_unit_test(typed_sizes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
