/* SPDX-License-Identifier: MIT
 * One table of the heap as a file: CSV, or JSON lines. DuckDB, pandas, polars and jq read them as they are. */
#include "export/export.h"
#include "export/rows.h"

enum { FLUSHED_BYTES = 1 << 16 };

struct table_file {
	struct export *export;
	struct text text;
	const struct sql_column *columns;
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

static int put_rows(struct table_file *file, const struct heap_table *table, struct table_cursor *cursor)
{
	enum { MOST_COLUMNS = 64 };
	struct cell cells[MOST_COLUMNS];
	struct text texts[MOST_COLUMNS] = { { .bytes = NULL } };
	const uint32_t count = table->column_count < MOST_COLUMNS ? table->column_count : MOST_COLUMNS;
	int found, status = OK;
	while (status == OK && (found = table->class->next(cursor)) != 0) {
		status = found < 0 ? found : OK;
		for (uint32_t i = 0; status == OK && i < count; i++) {
			cells[i] = (struct cell){ .kind = CELL_NULL };
			status = table->class->cell(cursor, i, &cells[i]);
			if (cells[i].kind != CELL_TEXT || cells[i].is_lasting)
				continue;
			/* The next cell may take its place. */
			text_reset(&texts[i]);
			text_append(&texts[i], cells[i].text, cells[i].length);
			cells[i].text = text_string(&texts[i]);
		}
		if (status == OK)
			status = put_row(file, cells, count);
	}
	for (uint32_t i = 0; i < count; i++)
		text_free(&texts[i]);
	return status;
}

static int write_table(struct export *export, bool is_json)
{
	const char *name = export->options->table != NULL ? export->options->table : "object";
	const struct heap_table *table = heap_table_find(name);
	if (table == NULL)
		return error_set(export->error, ERROR_ARGUMENT, "there is no table %s; `query` alone lists them", name);
	struct sql_column *columns = calloc(table->column_count, sizeof *columns);
	struct table_file file = { .export = export, .is_json = is_json, .columns = columns };
	struct table_cursor *cursor = NULL;
	if (columns == NULL)
		return error_set(export->error, ERROR_NO_MEMORY, "out of memory for a table");
	for (uint32_t i = 0; i < table->column_count; i++)
		columns[i] = (struct sql_column){ .name = table->columns[i].name, .type = table->columns[i].type };
	if (!is_json)
		rows_csv_header(&file.text, columns, table->column_count);
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
