/* SPDX-License-Identifier: MIT
 * One table of the heap, or the answer of an SQL statement, as a file: CSV, or JSON lines. DuckDB, pandas, polars and
 * jq read them as they are. */
#include "export/export.h"
#include "export/hidden_name.h"
#include "export/rows.h"

enum { FLUSHED_BYTES = 1 << 16, MOST_COLUMNS = 256 };

struct table_file {
	struct export *export;
	struct text text;
	const struct sql_column *columns;
	uint32_t numbers[MOST_COLUMNS]; /* of a table's columns: which are in the file */
	uint32_t count;
	bool is_json;
};

static int flush(struct table_file *file)
{
	writer_append(&file->export->writer, text_string(&file->text), file->text.length);
	text_reset(&file->text);
	return file->text.failed ? error_set(file->export->error, ERROR_NO_MEMORY, "out of memory for a row")
	                         : file->export->writer.status;
}

static int put_row(struct table_file *file, const struct cell *cells, uint32_t count)
{
	if (file->is_json) {
		rows_json(&file->text, file->columns, cells, count);
		text_append(&file->text, "\n", 1);
	} else {
		rows_csv(&file->text, file->columns, cells, count);
	}
	return file->text.length >= FLUSHED_BYTES ? flush(file) : OK;
}

/* Puts the text of a cell where it stays till the row is written, with the name hidden where that is wanted. */
static void keep_text(const struct table_file *file, struct cell *cell, bool is_name, struct text *text)
{
	const bool is_hidden = is_name && file->export->options->hide_names;
	if (cell->kind != CELL_TEXT || (cell->is_lasting && !is_hidden))
		return;
	text_reset(text);
	if (is_hidden)
		hidden_name(file->export->tables, cell->text, cell->length, text);
	else
		text_append(text, cell->text, cell->length);
	cell->text = text_string(text);
	cell->length = text->length;
}

static int put_rows(struct table_file *file, const struct heap_table *table, struct table_cursor *cursor)
{
	struct cell cells[MOST_COLUMNS];
	struct text texts[MOST_COLUMNS] = { { .bytes = NULL } };
	const uint32_t count = file->count;
	int found, status = OK;
	while (status == OK && (found = table->class->next(cursor)) != 0) {
		status = found < 0 ? found : OK;
		for (uint32_t i = 0; status == OK && i < count; i++) {
			cells[i] = (struct cell){ .kind = CELL_NULL };
			const uint32_t column = file->numbers[i];
			status = table->class->cell(cursor, column, &cells[i]);
			/* The next cell may take its place. */
			keep_text(file, &cells[i], column_is_name(&table->columns[column]), &texts[i]);
		}
		if (status == OK)
			status = put_row(file, cells, count);
	}
	for (uint32_t i = 0; i < count; i++)
		text_free(&texts[i]);
	return status;
}

/* ---- The answer of a statement ---- */

static int begin_answer(void *context, const struct sql_column *columns, uint32_t count)
{
	struct table_file *file = context;
	if (count > MOST_COLUMNS)
		return error_set(file->export->error, ERROR_LIMIT, "an answer of more than %d columns", MOST_COLUMNS);
	file->columns = columns;
	if (!file->is_json)
		rows_csv_header(&file->text, columns, count);
	return OK;
}

/* Of an expression nobody knows whether its text is a name. */
static int put_answer_row(void *context, const struct cell *cells, uint32_t count)
{
	struct table_file *file = context;
	struct cell kept[MOST_COLUMNS] = { { .kind = CELL_NULL } };
	struct text texts[MOST_COLUMNS] = { { .bytes = NULL } };
	if (!file->export->options->hide_names)
		return put_row(file, cells, count);
	for (uint32_t i = 0; i < count; i++) {
		kept[i] = cells[i];
		keep_text(file, &kept[i], true, &texts[i]);
	}
	const int status = put_row(file, kept, count);
	for (uint32_t i = 0; i < count; i++)
		text_free(&texts[i]);
	return status;
}

static int write_answer(struct export *export, bool is_json)
{
	struct table_file file = { .export = export, .is_json = is_json };
	const struct sql_reader reader = { &file, begin_answer, put_answer_row };
	struct sqlite3 *database;
	if (export->options->table != NULL)
		return error_set(export->error, ERROR_ARGUMENT, "either --table or a statement, not both");
	TRY(sql_open(&database, export->tables));
	int status = sql_run(database, export->tables, export->options->statement, &reader);
	if (status == OK)
		status = flush(&file);
	sql_close(database);
	text_free(&file.text);
	return status;
}

static int write_table(struct export *export, bool is_json)
{
	if (export->options->statement != NULL)
		return write_answer(export, is_json);
	const char *name = export->options->table != NULL ? export->options->table : "object";
	const struct heap_table *table = heap_table_find(name);
	if (table == NULL)
		return error_set(export->error, ERROR_ARGUMENT, "there is no table %s; `query` alone lists them", name);
	struct sql_column *columns = calloc(table->column_count, sizeof *columns);
	struct table_file file = { .export = export, .is_json = is_json, .columns = columns };
	struct table_cursor *cursor = NULL;
	if (columns == NULL)
		return error_set(export->error, ERROR_NO_MEMORY, "out of memory for a table");
	for (uint32_t i = 0; i < table->column_count && file.count < MOST_COLUMNS; i++) {
		if (!rows_keep_column(table, i))
			continue;
		file.numbers[file.count] = i;
		columns[file.count++] =
		        (struct sql_column){ .name = table->columns[i].name, .type = table->columns[i].type };
	}
	if (!is_json)
		rows_csv_header(&file.text, columns, file.count);
	const struct scan scan = { .access = ACCESS_ALL, .columns = SCAN_ALL_COLUMNS };
	int status = table->class->open(&cursor, export->tables, &scan);
	if (status == OK)
		status = put_rows(&file, table, cursor);
	if (status == OK)
		status = flush(&file);
	if (cursor != NULL)
		table->class->close(cursor);
	text_free(&file.text);
	free(columns);
	return status;
}

int export_jsonl(struct export *export)
{
	return write_table(export, true);
}

int export_csv(struct export *export)
{
	return write_table(export, false);
}
