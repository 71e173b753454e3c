/* SPDX-License-Identifier: MIT */
#include "report/table.h"

#include <libsmartcols.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

struct table {
	struct libscols_table *scols;
	bool failed; /* memory ran out */
};

/* struct table_row is a libscols_line: no second object for each row. */
static struct libscols_line *line_of(struct table_row *row)
{
	return (struct libscols_line *)row;
}

static bool set_symbols(struct libscols_table *scols)
{
	struct libscols_symbols *symbols = scols_new_symbols();
	if (symbols == NULL)
		return false;
	bool done = scols_symbols_set_branch(symbols, "├ ") == 0 && scols_symbols_set_vertical(symbols, "│ ") == 0 &&
	            scols_symbols_set_right(symbols, "└ ") == 0 && scols_table_set_symbols(scols, symbols) == 0;
	scols_unref_symbols(symbols);
	return done;
}

struct table *table_create(const struct table_column *columns, uint32_t column_count, uint32_t width, bool headings)
{
	struct table *table = calloc(1, sizeof *table);
	if (table == NULL)
		return NULL;
	table->scols = scols_new_table();
	if (table->scols == NULL || !set_symbols(table->scols)) {
		table_destroy(table);
		return NULL;
	}
	(void)scols_table_enable_colors(table->scols, 0);
	(void)scols_table_enable_noheadings(table->scols, headings ? 0 : 1);
	(void)scols_table_set_column_separator(table->scols, "  ");
	/* Cells are escaped already: names_escape(). */
	(void)scols_table_enable_noencoding(table->scols, 1);
	(void)scols_table_set_termforce(table->scols, SCOLS_TERMFORCE_ALWAYS);
	(void)scols_table_set_termwidth(table->scols, width);
	for (uint32_t i = 0; i < column_count; i++) {
		uint32_t flags = columns[i].flags;
		int scols_flags = (flags & TABLE_RIGHT ? SCOLS_FL_RIGHT : 0) |
		                  (flags & TABLE_TREE ? SCOLS_FL_TREE : 0) |
		                  (flags & TABLE_ELASTIC ? SCOLS_FL_WRAP : 0);
		if (scols_table_new_column(table->scols, columns[i].heading, 0, scols_flags) == NULL)
			table->failed = true;
	}
	return table;
}

void table_destroy(struct table *table)
{
	if (table == NULL)
		return;
	scols_unref_table(table->scols);
	free(table);
}

struct table_row *table_add_row(struct table *table, struct table_row *parent)
{
	struct libscols_line *line = scols_table_new_line(table->scols, line_of(parent));
	if (line == NULL)
		table->failed = true;
	return (struct table_row *)line;
}

void table_set(struct table *table, struct table_row *row, uint32_t column, const char *string)
{
	if (row == NULL || scols_line_set_data(line_of(row), column, string) != 0)
		table->failed = true;
}

void table_take(struct table *table, struct table_row *row, uint32_t column, struct text *value)
{
	if (value->failed)
		table->failed = true;
	table_set(table, row, column, text_string(value));
	text_reset(value);
}

static void append_trimmed(struct text *text, const char *lines)
{
	while (*lines != '\0') {
		size_t length = strcspn(lines, "\n");
		size_t used = length;
		while (used > 0 && lines[used - 1] == ' ')
			used--;
		text_append(text, lines, used);
		text_append(text, "\n", 1);
		lines += length + (lines[length] == '\n');
	}
}

int table_draw(struct table *table, struct text *text, struct error *error)
{
	if (table->failed)
		return error_set(error, ERROR_NO_MEMORY, "out of memory while making a table");
	/* Smartcols measures and cuts characters by the locale's encoding: that of this thread, for the moment. */
	locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	locale_t before = utf8 != (locale_t)0 ? uselocale(utf8) : (locale_t)0;
	char *lines = NULL;
	int failed = scols_print_table_to_string(table->scols, &lines);
	if (utf8 != (locale_t)0) {
		(void)uselocale(before);
		freelocale(utf8);
	}
	if (failed == 0 && lines != NULL)
		append_trimmed(text, lines);
	free(lines);
	if (failed != 0)
		return error_set(error, ERROR_NO_MEMORY, "out of memory while drawing a table");
	return OK;
}
