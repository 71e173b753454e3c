/* SPDX-License-Identifier: MIT
 * table: columns of text, and trees, drawn by libsmartcols into a text. What is drawn depends on the arguments
 * alone: neither on a terminal, nor on the locale of the process, nor on the environment. */
#ifndef PYDS_REPORT_TABLE_H
#define PYDS_REPORT_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

enum table_column_flag {
	TABLE_RIGHT = 1,
	TABLE_TREE = 2, /* rows with a parent are drawn as branches here */
	TABLE_ELASTIC = 4, /* goes on in the next line where the width is too small; else rows are longer */
};

struct table_column {
	const char *heading;
	uint32_t flags; /* enum table_column_flag */
};

struct table;
struct table_row;

/* width: columns of the terminal. headings: whether the first line names the columns. NULL: out of memory. */
struct table *table_create(const struct table_column *columns, uint32_t column_count, uint32_t width, bool headings);
void table_destroy(struct table *table); /* NULL is fine */
/* A row below parent (NULL: at the top level). NULL only when memory is out; the functions below accept that. */
struct table_row *table_add_row(struct table *table, struct table_row *parent);
/* Sets a cell; string is copied. */
void table_set(struct table *table, struct table_row *row, uint32_t column, const char *string);
/* Sets a cell to what was put into value, and empties value for the next cell. */
void table_take(struct table *table, struct table_row *row, uint32_t column, struct text *value);
/* Appends the lines of the table, without spaces at their ends. */
int table_draw(struct table *table, struct text *text, struct error *error);

#endif
