/* SPDX-License-Identifier: MIT */
#include "export/rows.h"

#include <inttypes.h>
#include <string.h>

bool rows_keep_column(const struct heap_table *table, uint32_t column)
{
	return column != OBJECT_name || strcmp(table->name, "object") != 0;
}

void rows_cell(struct text *text, const struct sql_column *column, const struct cell *cell)
{
	if (cell->kind == CELL_TEXT || cell->kind == CELL_REAL)
		text_append(text, cell->text, cell->length);
	else if (cell->kind == CELL_INTEGER && column->type == COLUMN_ADDRESS)
		text_hex(text, (uint64_t)cell->integer);
	else if (cell->kind == CELL_INTEGER && cell->integer >= 0)
		text_decimal(text, (uint64_t)cell->integer);
	else if (cell->kind == CELL_INTEGER)
		text_format(text, "%" PRId64, cell->integer);
}

/* A field in quotes where it needs them. */
static void add_field(struct text *text, const char *bytes, size_t length)
{
	bool needs_quotes = false;
	for (size_t i = 0; i < length && !needs_quotes; i++)
		needs_quotes = strchr(",\"\r\n", bytes[i]) != NULL;
	if (!needs_quotes) {
		text_append(text, bytes, length);
		return;
	}
	text_append(text, "\"", 1);
	for (size_t i = 0; i < length; i++)
		text_append(text, bytes[i] == '"' ? "\"\"" : &bytes[i], bytes[i] == '"' ? 2 : 1);
	text_append(text, "\"", 1);
}

void rows_csv_header(struct text *text, const struct sql_column *columns, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		text_append(text, ",", i > 0);
		add_field(text, columns[i].name, strlen(columns[i].name));
	}
	text_append(text, "\r\n", 2);
}

void rows_csv(struct text *text, const struct sql_column *columns, const struct cell *cells, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		text_append(text, ",", i > 0);
		if (cells[i].kind == CELL_TEXT)
			add_field(text, cells[i].text, cells[i].length);
		else
			rows_cell(text, &columns[i], &cells[i]);
	}
	text_append(text, "\r\n", 2);
}

void rows_json_cell(struct json *json, const struct sql_column *column, const char *key, const struct cell *cell)
{
	if (cell->kind == CELL_NULL) {
		json_null(json, key);
	} else if (cell->kind == CELL_TEXT) {
		const struct text text = { .bytes = (char *)cell->text, .length = cell->length };
		json_text(json, key, &text);
	} else if (cell->kind == CELL_REAL) {
		json_real(json, key, cell->text, cell->length);
	} else if (column->type == COLUMN_ADDRESS) {
		json_address(json, key, (uint64_t)cell->integer);
	} else if (column->type == COLUMN_BOOLEAN) {
		json_bool(json, key, cell->integer != 0);
	} else {
		json_signed(json, key, cell->integer);
	}
}

void rows_json(struct text *text, const struct sql_column *columns, const struct cell *cells, uint32_t count)
{
	struct json json;
	json_begin(&json, text);
	json_object(&json, NULL);
	for (uint32_t i = 0; i < count; i++)
		rows_json_cell(&json, &columns[i], columns[i].name, &cells[i]);
	json_object_end(&json);
}
