/* SPDX-License-Identifier: MIT
 * Line tables by hand: the encodings' corners, and tables that are cut off or wild. Real tables: test_names_live.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "names/line_table.h"

#define LINE(encoding, table, offset) line_table_line(encoding, (const uint8_t *)(table), sizeof(table) - 1, 10, offset)

static void test_lnotab(void **state)
{
	/* 6 bytes: +1; 255 and 45 more: +2; none more: -4 (never on its own before a step) */
	static const char table[] = "\x06\x01\xff\x00\x2d\x02\x02\xfc";

	(void)state;
	assert_int_equal(LINE(LINE_LNOTAB, table, -1), 10);
	assert_int_equal(LINE(LINE_LNOTAB, table, 0), 10);
	assert_int_equal(LINE(LINE_LNOTAB, table, 5), 10);
	assert_int_equal(LINE(LINE_LNOTAB, table, 6), 11);
	assert_int_equal(LINE(LINE_LNOTAB, table, 305), 11);
	assert_int_equal(LINE(LINE_LNOTAB, table, 306), 13);
	assert_int_equal(LINE(LINE_LNOTAB, table, 308), 9);
	assert_int_equal(LINE(LINE_LNOTAB, "", 100), 10);
	assert_int_equal(LINE(LINE_LNOTAB, "\x00", 100), 10);
	assert_int_equal(LINE(LINE_LNOTAB, "\x00\x80", 0), 0); /* above line 1 */
}

static void test_deltas(void **state)
{
	static const char table[] = "\x04\x01\x02\x80\x00\x03\x04\xff";

	(void)state;
	assert_int_equal(LINE(LINE_DELTAS, table, -2), 10);
	assert_int_equal(LINE(LINE_DELTAS, table, 0), 11);
	assert_int_equal(LINE(LINE_DELTAS, table, 3), 11);
	assert_int_equal(LINE(LINE_DELTAS, table, 4), 0);
	assert_int_equal(LINE(LINE_DELTAS, table, 6), 13);
	assert_int_equal(LINE(LINE_DELTAS, table, 10), 0); /* beyond the table */
	assert_int_equal(LINE(LINE_DELTAS, "\x04", 0), 0);
}

static void test_locations(void **state)
{
	/* one line +0, 1 unit; one line +2, 2 units; short form, 1 unit; no location, 1 unit; no columns -3, 8 units;
	 * long: +70, end +0, columns, 1 unit */
	static const char table[] = "\xd0\x05\x06\xe1\x01\x02\x88\x11\xf8\xef\x07\xf0\x4c\x02\x00\x01\x02";

	(void)state;
	assert_int_equal(LINE(LINE_LOCATIONS, table, -1), 10);
	assert_int_equal(LINE(LINE_LOCATIONS, table, 0), 10);
	assert_int_equal(LINE(LINE_LOCATIONS, table, 2), 12);
	assert_int_equal(LINE(LINE_LOCATIONS, table, 5), 12);
	assert_int_equal(LINE(LINE_LOCATIONS, table, 6), 12);
	assert_int_equal(LINE(LINE_LOCATIONS, table, 8), 0);
	assert_int_equal(LINE(LINE_LOCATIONS, table, 10), 9);
	assert_int_equal(LINE(LINE_LOCATIONS, table, 25), 9);
	assert_int_equal(LINE(LINE_LOCATIONS, table, 26), 79);
	assert_int_equal(LINE(LINE_LOCATIONS, table, 28), 0);
	assert_int_equal(LINE(LINE_LOCATIONS, "\xf0\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f", 0), 0);
	assert_int_equal(LINE(LINE_LOCATIONS, "\xe8", 0), 10);
}

/* Any table ends, and gives no line below 0. */
static void test_any_table(void **state)
{
	uint64_t random = 88172645463325252u;

	(void)state;
	for (unsigned run = 0; run < 20000; run++) {
		size_t length = run % 40;
		uint8_t *table = malloc(length + 1);
		assert_non_null(table);
		for (size_t i = 0; i < length; i++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			table[i] = (uint8_t)(random >> 24);
		}
		table = realloc(table, length > 0 ? length : 1);
		for (int encoding = LINE_LNOTAB; encoding <= LINE_LOCATIONS; encoding++)
			assert_true(line_table_line((enum line_encoding)encoding, table, length, 1, run % 600) >= 0);
		free(table);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lnotab),
		cmocka_unit_test(test_deltas),
		cmocka_unit_test(test_locations),
		cmocka_unit_test(test_any_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
