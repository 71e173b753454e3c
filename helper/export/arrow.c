/* SPDX-License-Identifier: MIT */
#include "export/arrow.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/bits.h"
#include "base/text.h"

enum { NULLABLE = 2 }; /* flag of a schema */

enum kind { KIND_UNKNOWN, KIND_INTEGER, KIND_REAL, KIND_BOOLEAN, KIND_ADDRESS, KIND_TEXT };

static const char *const formats[] = { [KIND_UNKNOWN] = "l", [KIND_INTEGER] = "l", [KIND_REAL] = "g",
	                               [KIND_BOOLEAN] = "b", [KIND_ADDRESS] = "L", [KIND_TEXT] = "U" };

union word {
	int64_t integer;
	double real;
};

struct arrow_column {
	uint8_t kind; /* enum kind */
	ARRAY(union word) words; /* numbers; of text the offset behind each, which begin with one more, 0 */
	ARRAY(uint8_t) bits; /* of KIND_BOOLEAN, made at the end */
	ARRAY(uint8_t) validity; /* a bit each; left out where null_count is 0 */
	struct text text;
	int64_t null_count;
	const void *buffers[3];
};

struct field {
	char *name;
	uint8_t kind; /* its column's, once all rows are there */
};

struct arrow_rows {
	struct arrow_column **columns; /* NULL where a batch has taken them */
	struct field *fields;
	uint32_t column_count;
	int64_t row_count;
	bool is_given; /* the batch */
	struct error *error;
};

static void column_destroy(struct arrow_column *column)
{
	if (column == NULL)
		return;
	array_free(&column->words);
	array_free(&column->bits);
	array_free(&column->validity);
	text_free(&column->text);
	free(column);
}

struct arrow_rows *arrow_create(struct error *error)
{
	struct arrow_rows *rows = calloc(1, sizeof *rows);
	if (rows != NULL)
		rows->error = error;
	return rows;
}

void arrow_destroy(struct arrow_rows *rows)
{
	if (rows == NULL)
		return;
	for (uint32_t i = 0; i < rows->column_count; i++) {
		column_destroy(rows->columns[i]);
		free(rows->fields[i].name);
	}
	free(rows->columns);
	free(rows->fields);
	free(rows);
}

static int no_memory(struct arrow_rows *rows)
{
	return error_set(rows->error, ERROR_NO_MEMORY, "out of memory for the columns of the answer");
}

/* ---- Rows become columns ---- */

static uint8_t kind_of(const struct sql_column *column)
{
	if (column->is_expression)
		return KIND_UNKNOWN;
	switch (column->type) {
	case COLUMN_ADDRESS:
		return KIND_ADDRESS;
	case COLUMN_BOOLEAN:
		return KIND_BOOLEAN;
	case COLUMN_TEXT:
		return KIND_TEXT;
	default:
		return KIND_INTEGER;
	}
}

static int begin(void *context, const struct sql_column *columns, uint32_t count)
{
	struct arrow_rows *rows = context;
	rows->columns = calloc((size_t)count + 1, sizeof(struct arrow_column *));
	rows->fields = calloc((size_t)count + 1, sizeof *rows->fields);
	if (rows->columns == NULL || rows->fields == NULL)
		return no_memory(rows);
	for (uint32_t i = 0; i < count; i++) {
		struct arrow_column *column = rows->columns[i] = calloc(1, sizeof *column);
		if (column == NULL)
			return no_memory(rows);
		rows->column_count = i + 1;
		column->kind = kind_of(&columns[i]);
		rows->fields[i].name = strdup(columns[i].name);
		if (rows->fields[i].name == NULL)
			return no_memory(rows);
		if (column->kind == KIND_TEXT && !array_push(&column->words, (union word){ .integer = 0 }))
			return no_memory(rows);
	}
	return OK;
}

/* Readers of Arrow trust that text is UTF-8; a statement can make some that is not. */
static void append_text(struct text *text, const char *bytes, size_t length)
{
	size_t from = 0, used = 0;
	for (size_t at = 0; at < length; at += used) {
		used = 1;
		if ((uint8_t)bytes[at] < 0x80 || text_decode_utf8(bytes + at, length - at, &used) != 0xfffd || used > 1)
			continue;
		text_append(text, bytes + from, at - from);
		text_add(text, "?");
		from = at + 1;
	}
	text_append(text, bytes + from, length - from);
}

static bool is_valid(const struct arrow_column *column, size_t row)
{
	return bits_has(column->validity.items, row);
}

/* Numbers that came before the first text. */
static bool become_text(struct arrow_column *column, size_t count)
{
	union word *numbers = column->words.items;
	const bool is_real = column->kind == KIND_REAL;
	column->words.items = NULL;
	column->words.count = column->words.capacity = 0;
	bool fits = array_push(&column->words, (union word){ .integer = 0 });
	for (size_t i = 0; i < count && fits; i++) {
		if (is_valid(column, i) && is_real)
			text_format(&column->text, "%.17g", numbers[i].real);
		else if (is_valid(column, i))
			text_format(&column->text, "%" PRId64, numbers[i].integer);
		fits = array_push(&column->words, (union word){ .integer = (int64_t)column->text.length });
	}
	free(numbers);
	column->kind = KIND_TEXT;
	return fits;
}

static void become_real(struct arrow_column *column)
{
	for (size_t i = 0; i < column->words.count; i++)
		column->words.items[i].real = (double)column->words.items[i].integer;
	column->kind = KIND_REAL;
}

/* Makes the column one that the cell fits into. */
static bool widen(struct arrow_column *column, const struct cell *cell, size_t count)
{
	if (cell->kind == CELL_NULL || column->kind == KIND_TEXT)
		return true;
	if (cell->kind == CELL_TEXT)
		return become_text(column, count);
	if (cell->kind == CELL_REAL && column->kind != KIND_REAL)
		become_real(column);
	else if (column->kind == KIND_UNKNOWN)
		column->kind = KIND_INTEGER;
	return true;
}

static bool add_cell(struct arrow_column *column, const struct cell *cell, size_t row)
{
	union word word = { .integer = 0 };
	const bool has_value = cell->kind != CELL_NULL;
	if (!widen(column, cell, row) || (row % 8 == 0 && !array_push(&column->validity, 0)))
		return false;
	if (has_value)
		bits_add(column->validity.items, row);
	else
		column->null_count++;
	if (column->kind == KIND_TEXT) {
		if (cell->kind == CELL_TEXT || cell->kind == CELL_REAL)
			append_text(&column->text, cell->text, cell->length);
		else if (has_value)
			text_format(&column->text, "%" PRId64, cell->integer);
		word.integer = (int64_t)column->text.length;
	} else if (has_value && column->kind == KIND_REAL) {
		word.real = cell->kind == CELL_REAL ? strtod(cell->text, NULL) : (double)cell->integer;
	} else if (has_value) {
		word.integer = cell->integer;
	}
	return array_push(&column->words, word) && !column->text.failed;
}

static int add_row(void *context, const struct cell *cells, uint32_t count)
{
	struct arrow_rows *rows = context;
	for (uint32_t i = 0; i < count && i < rows->column_count; i++)
		if (!add_cell(rows->columns[i], &cells[i], (size_t)rows->row_count))
			return no_memory(rows);
	rows->row_count++;
	return OK;
}

struct sql_reader arrow_reader(struct arrow_rows *rows)
{
	return (struct sql_reader){ rows, begin, add_row };
}

/* ---- Columns become the interface's structs ---- */

static void release_field(struct arrow_schema *schema)
{
	free((char *)schema->name);
	schema->release = NULL;
}

static void release_fields(struct arrow_schema *schema)
{
	for (int64_t i = 0; i < schema->child_count; i++) {
		struct arrow_schema *child = schema->children[i];
		if (child != NULL && child->release != NULL)
			child->release(child);
		free(child);
	}
	free(schema->children);
	schema->release = NULL;
}

static int get_schema(struct arrow_stream *stream, struct arrow_schema *ret_schema)
{
	const struct arrow_rows *rows = stream->private_data;
	*ret_schema = (struct arrow_schema){ .format = "+s", .name = "", .release = release_fields };
	ret_schema->children = calloc((size_t)rows->column_count + 1, sizeof(struct arrow_schema *));
	bool fits = ret_schema->children != NULL;
	for (uint32_t i = 0; i < rows->column_count && fits; i++) {
		struct arrow_schema *child = ret_schema->children[i] = calloc(1, sizeof *child);
		char *name = strdup(rows->fields[i].name);
		fits = child != NULL && name != NULL;
		if (!fits) {
			free(child);
			free(name);
			break;
		}
		ret_schema->child_count = (int64_t)i + 1;
		*child = (struct arrow_schema){ .format = formats[rows->fields[i].kind],
			                        .name = name,
			                        .flags = NULLABLE,
			                        .release = release_field };
	}
	if (fits)
		return 0;
	release_fields(ret_schema);
	return ENOMEM;
}

static void release_column(struct arrow_array *array)
{
	column_destroy(array->private_data);
	array->release = NULL;
}

static void release_batch(struct arrow_array *array)
{
	for (int64_t i = 0; i < array->child_count; i++) {
		struct arrow_array *child = array->children[i];
		if (child->release != NULL) /* the consumer has not moved it out */
			child->release(child);
		free(child);
	}
	free(array->children);
	free(array->buffers);
	array->release = NULL;
}

/* A bit a value, as the format wants them. */
static bool pack_bits(struct arrow_column *column, size_t count)
{
	if (!array_reserve(&column->bits, count / 8 + 1))
		return false;
	memset(column->bits.items, 0, count / 8 + 1);
	for (size_t i = 0; i < count; i++)
		if (column->words.items[i].integer != 0)
			bits_add(column->bits.items, i);
	return true;
}

/* The array has the column from then on. */
static void fill_array(struct arrow_array *array, struct arrow_column *column, int64_t row_count)
{
	*array = (struct arrow_array){
		.length = row_count,
		.null_count = column->null_count,
		.buffer_count = column->kind == KIND_TEXT ? 3 : 2,
		.buffers = column->buffers,
		.release = release_column,
		.private_data = column,
	};
	column->buffers[0] = column->null_count > 0 ? column->validity.items : NULL;
	column->buffers[1] = column->kind == KIND_BOOLEAN ? (const void *)column->bits.items : column->words.items;
	column->buffers[2] = text_string(&column->text);
}

static int get_next(struct arrow_stream *stream, struct arrow_array *ret_array)
{
	struct arrow_rows *rows = stream->private_data;
	*ret_array = (struct arrow_array){ .length = 0 };
	if (rows->is_given)
		return 0;
	struct arrow_array batch = { .length = rows->row_count, .buffer_count = 1, .release = release_batch };
	batch.children = calloc((size_t)rows->column_count + 1, sizeof(struct arrow_array *));
	batch.buffers = calloc(1, sizeof *batch.buffers);
	bool fits = batch.children != NULL && batch.buffers != NULL;
	for (uint32_t i = 0; i < rows->column_count && fits; i++) {
		batch.children[i] = calloc(1, sizeof *batch.children[i]);
		fits = batch.children[i] != NULL &&
		       (rows->columns[i]->kind != KIND_BOOLEAN || pack_bits(rows->columns[i], (size_t)rows->row_count));
		batch.child_count += batch.children[i] != NULL;
	}
	if (!fits) {
		release_batch(&batch);
		return ENOMEM;
	}
	for (uint32_t i = 0; i < rows->column_count; i++) {
		fill_array(batch.children[i], rows->columns[i], rows->row_count);
		rows->columns[i] = NULL;
	}
	rows->is_given = true;
	*ret_array = batch;
	return 0;
}

static const char *get_last_error(struct arrow_stream *stream)
{
	(void)stream;
	return "out of memory"; /* nothing else fails */
}

static void release_stream(struct arrow_stream *stream)
{
	arrow_destroy(stream->private_data);
	stream->release = NULL;
}

void arrow_give(struct arrow_rows *rows, struct arrow_stream *ret_stream)
{
	rows->error = NULL;
	for (uint32_t i = 0; i < rows->column_count; i++)
		rows->fields[i].kind = rows->columns[i]->kind;
	*ret_stream = (struct arrow_stream){ get_schema, get_next, get_last_error, release_stream, rows };
}
