/* SPDX-License-Identifier: MIT */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "render/table.h"

static const struct table_column columns[] = {
	{ "Count", TABLE_RIGHT },
	{ "Type", TABLE_TREE | TABLE_ELASTIC },
};

static struct table_row *add(struct table *table, struct table_row *parent, const char *count, const char *type)
{
	struct table_row *row = table_add_row(table, parent);
	table_set(table, row, 0, count);
	table_set(table, row, 1, type);
	return row;
}

static void draw(uint32_t width, struct text *text)
{
	struct error error = { .status = OK };
	struct table *table = table_create(columns, 2, width, true);
	assert_non_null(table);
	struct table_row *top = add(table, NULL, "1,000", "dict");
	struct table_row *first = add(table, top, "7", "values: \xC3\xA9t\xC3\xA9.Session");
	add(table, first, "1", "str");
	add(table, top, "12,345", "keys: str");
	assert_int_equal(table_draw(table, text, &error), OK);
	table_destroy(table);
}

static const char tree[] = " Count  Type\n"
                           " 1,000  dict\n"
                           "     7  ├ values: \xC3\xA9t\xC3\xA9.Session\n"
                           "     1  │ └ str\n"
                           "12,345  └ keys: str\n";

static void trees_are_drawn_without_trailing_spaces(void **state)
{
	(void)state;
	struct text text = { .bytes = NULL };
	draw(80, &text);
	assert_string_equal(text_string(&text), tree);
	text_free(&text);
}

static void neither_locale_nor_environment_matters(void **state)
{
	(void)state;
	static const char *const locales[] = { "C", "C.UTF-8", "POSIX" };
	(void)setenv("COLUMNS", "20", 1);
	(void)setenv("TERM", "xterm-256color", 1);
	for (size_t i = 0; i < sizeof locales / sizeof locales[0]; i++) {
		struct text text = { .bytes = NULL };
		assert_non_null(setlocale(LC_ALL, locales[i]));
		draw(80, &text);
		assert_string_equal(text_string(&text), tree);
		text_free(&text);
	}
}

static void an_elastic_column_wraps(void **state)
{
	(void)state;
	struct text text = { .bytes = NULL };
	draw(20, &text);
	assert_string_equal(text_string(&text), " Count  Type\n"
	                                        " 1,000  dict\n"
	                                        "     7  ├ values: \xC3\xA9t\n"
	                                        "        \xC3\xA9.Session\n"
	                                        "     1  │ └ str\n"
	                                        "12,345  └ keys: str\n");
	text_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trees_are_drawn_without_trailing_spaces),
		cmocka_unit_test(neither_locale_nor_environment_matters),
		cmocka_unit_test(an_elastic_column_wraps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
