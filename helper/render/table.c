/* SPDX-License-Identifier: MIT */
#include "render/table.h"

#include <libsmartcols.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

enum { NARROWEST = 20 }; /* columns that an elastic column gets at least: rows are then longer than the table's width */

struct table {
	struct libscols_table *scols;
	uint32_t width, column_count;
	uint32_t elastic; /* index of the column that breaks lines; UINT32_MAX: none */
	bool is_tree; /* some row has a parent: the branches are smartcols' to draw, and so are the breaks */
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
	table->width = width;
	table->column_count = column_count;
	table->elastic = UINT32_MAX;
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
		if (flags & TABLE_ELASTIC)
			table->elastic = i;
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
	table->is_tree |= parent != NULL;
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

/* ---- Breaking lines ---- */

/* Bytes of the first character, and the columns it takes. */
static size_t character(const char *string, uint32_t *ret_columns)
{
	wchar_t wide;
	mbstate_t state = { 0 };
	size_t bytes = mbrtowc(&wide, string, strlen(string), &state);
	int columns = 1;
	if (bytes == 0 || bytes > strlen(string))
		bytes = 1;
	else
		columns = wcwidth(wide);
	*ret_columns = columns > 0 ? (uint32_t)columns : 0;
	return bytes;
}

static uint32_t columns_of(const char *string)
{
	uint32_t total = 0, columns;
	for (; *string != '\0'; total += columns)
		string += character(string, &columns);
	return total;
}

/* How many bytes go into a line of so many columns: up to the last space in its second half, else up to where a name
 * goes on in a part of its own, else as many as fit. */
static size_t fitting(const char *string, uint32_t width)
{
	uint32_t used = 0, columns;
	size_t length = 0, space = 0, part = 0;
	for (;;) {
		size_t bytes = character(string + length, &columns);
		if (used > width / 2 && string[length] == ' ')
			space = length;
		else if (used > width / 2 && strchr(".[/<", string[length]) != NULL)
			part = length;
		if (used + columns > width)
			break;
		used += columns;
		length += bytes;
	}
	return space != 0 ? space : part != 0 ? part : length != 0 ? length : 1;
}

/* Puts newlines into a cell, in place of spaces where it can. */
static void break_cell(struct table *table, struct libscols_line *line, uint32_t width)
{
	const char *string = scols_cell_get_data(scols_line_get_cell(line, table->elastic));
	struct text broken = { .bytes = NULL };
	if (string == NULL || columns_of(string) <= width)
		return;
	while (columns_of(string) > width) {
		size_t length = fitting(string, width);
		text_append(&broken, string, length);
		text_add(&broken, "\n");
		string += length + (string[length] == ' ');
	}
	text_add(&broken, string);
	if (broken.failed || scols_line_set_data(line, table->elastic, text_string(&broken)) != 0)
		table->failed = true;
	text_free(&broken);
}

static void break_lines(struct table *table)
{
	struct libscols_iter *iterator = scols_new_iter(SCOLS_ITER_FORWARD);
	struct libscols_line *line;
	uint32_t others = 0;
	(void)scols_column_set_wrapfunc(scols_table_get_column(table->scols, table->elastic), scols_wrapnl_chunksize,
	                                scols_wrapnl_nextchunk, NULL);
	if (iterator == NULL)
		table->failed = true;
	for (uint32_t i = 0; iterator != NULL && i < table->column_count; i++) {
		struct libscols_column *column = scols_table_get_column(table->scols, i);
		const char *heading = scols_cell_get_data(scols_column_get_header(column));
		uint32_t widest = heading != NULL && !scols_table_is_noheadings(table->scols) ? columns_of(heading) : 0;
		if (i == table->elastic)
			continue;
		scols_reset_iter(iterator, SCOLS_ITER_FORWARD);
		while (scols_table_next_line(table->scols, iterator, &line) == 0) {
			const char *string = scols_cell_get_data(scols_line_get_cell(line, i));
			uint32_t columns = string != NULL ? columns_of(string) : 0;
			widest = columns > widest ? columns : widest;
		}
		others += widest + 2;
	}
	uint32_t width = table->width > others + NARROWEST ? table->width - others : NARROWEST;
	if (iterator != NULL)
		scols_reset_iter(iterator, SCOLS_ITER_FORWARD);
	while (iterator != NULL && scols_table_next_line(table->scols, iterator, &line) == 0)
		break_cell(table, line, width);
	scols_free_iter(iterator);
	if (table->width < others + width)
		(void)scols_table_set_termwidth(table->scols, others + width);
}

int table_draw(struct table *table, struct text *text, struct error *error)
{
	if (table->failed)
		return error_set(error, ERROR_NO_MEMORY, "out of memory while making a table");
	/* Smartcols measures and cuts characters by the locale's encoding: that of this thread, for the moment. */
	locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	locale_t before = utf8 != (locale_t)0 ? uselocale(utf8) : (locale_t)0;
	char *lines = NULL;
	if (table->elastic != UINT32_MAX && !table->is_tree)
		break_lines(table);
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
