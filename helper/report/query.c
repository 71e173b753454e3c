/* SPDX-License-Identifier: MIT
 * query: an SQL statement over the tables of the heap, answered as a table, CSV or JSON. */
#include "query/sql/sql.h"

#include <stdlib.h>
#include <string.h>

#include "export/rows.h"
#include "render/table.h"
#include "render/units.h"
#include "report/report.h"

enum {
	DELIVERED_BYTES = 1 << 16, /* what is handed over at once */
	MOST_DRAWN = 100000, /* rows of one drawn table: more are for CSV or JSON */
	CELL_CHARACTERS = 96, /* of a drawn cell */
};

struct listing {
	struct report *report;
	const struct sql_column *columns;
	uint32_t count;
	struct table *table; /* drawn answers */
	struct text cell;
	uint64_t limit, rows; /* rows: all that the statement gave */
};

/* ---- What there is ---- */

static void list_columns(struct text *text, const struct heap_table *table)
{
	for (uint32_t i = 0; i < table->column_count; i++) {
		const struct column *column = &table->columns[i];
		text_format(text, "    %-12s %-8s %s%s\n", column->name, column_type_name(column->type), column->doc,
		            column->flags & COLUMN_IS_COSTLY ? " (costly)" : "");
	}
}

static void list_tables(struct report *report)
{
	struct text *text = report->text;
	const struct heap_table *table;
	struct sql_view view;
	text_add(text, "Tables\n");
	for (uint32_t i = 0; (table = heap_table_at(i)) != NULL; i++) {
		text_format(text, "  %s: %s\n", table->name, table->doc);
		list_columns(text, table);
	}
	text_add(text, "Views\n");
	for (uint32_t i = 0; sql_view_at(i, &view); i++)
		text_format(text, "  %-12s %s\n", view.name, view.doc);
	text_add(text,
	         "Functions\n"
	         "  name(address) describe(address) value(address) path(address) resolve('app.cache') addr(address)\n"
	         "Examples\n"
	         "  SELECT type, count(*), sum(shallow) FROM object GROUP BY type ORDER BY 3 DESC\n"
	         "  SELECT * FROM biggest LIMIT 10\n"
	         "  SELECT * FROM held_by WHERE type = 'str' LIMIT 10\n"
	         "  SELECT label, describe(target) FROM reference WHERE source = resolve('sys.modules') LIMIT 10\n");
}

static void list_tables_json(struct report *report)
{
	struct json *json = &report->json;
	const struct heap_table *table;
	report_json_begin(report);
	json_array(json, "tables");
	for (uint32_t i = 0; (table = heap_table_at(i)) != NULL; i++) {
		json_object(json, NULL);
		json_string(json, "name", table->name);
		json_string(json, "doc", table->doc);
		json_array(json, "columns");
		for (uint32_t column = 0; column < table->column_count; column++) {
			json_object(json, NULL);
			json_string(json, "name", table->columns[column].name);
			json_string(json, "type", column_type_name(table->columns[column].type));
			json_string(json, "doc", table->columns[column].doc);
			json_bool(json, "costly", table->columns[column].flags & COLUMN_IS_COSTLY);
			json_object_end(json);
		}
		json_array_end(json);
		json_object_end(json);
	}
	json_array_end(json);
	json_object_end(json);
	json_end(json);
}

/* ---- Rows ---- */

static int begin_drawn(struct listing *listing)
{
	struct table_column *columns = calloc(listing->count + 1, sizeof *columns);
	for (uint32_t i = 0; columns != NULL && i < listing->count; i++)
		columns[i] = (struct table_column){ listing->columns[i].name,
			                            listing->columns[i].type == COLUMN_TEXT ? 0 : TABLE_RIGHT };
	if (columns != NULL)
		listing->table = table_create(columns, listing->count, listing->report->style.width, true);
	free(columns);
	return listing->table != NULL ? OK
	                              : error_set(listing->report->error, ERROR_NO_MEMORY, "out of memory for a table");
}

static int begin_rows(void *context, const struct sql_column *columns, uint32_t count)
{
	struct listing *listing = context;
	struct report *report = listing->report;
	listing->columns = columns;
	listing->count = count;
	if (report_is_json(report)) {
		report_json_begin(report);
		json_array(&report->json, "columns");
		for (uint32_t i = 0; i < count; i++)
			json_string(&report->json, NULL, columns[i].name);
		json_array_end(&report->json);
		json_array(&report->json, "rows");
		return OK;
	}
	if (request_has(report->request, OPTION_CSV)) {
		rows_csv_header(report->text, columns, count);
		return OK;
	}
	return begin_drawn(listing);
}

/* A cell of a drawn table: names are escaped where they are made, literals of the statement are not. */
static void draw_cell(struct listing *listing, const struct sql_column *column, const struct cell *cell)
{
	struct text *text = &listing->cell;
	if (cell->kind == CELL_INTEGER && column->type == COLUMN_BYTES && cell->integer >= 0)
		report_bytes(listing->report, text, (uint64_t)cell->integer);
	else if (cell->kind == CELL_INTEGER && column->type == COLUMN_INTEGER && cell->integer >= 0 &&
	         !column->is_expression)
		units_count(text, (uint64_t)cell->integer);
	else if (cell->kind == CELL_TEXT)
		names_escape(text, cell->text, cell->length < CELL_CHARACTERS ? cell->length : CELL_CHARACTERS, false);
	else
		rows_cell(text, column, cell);
}

static int add_row(void *context, const struct cell *cells, uint32_t count)
{
	struct listing *listing = context;
	struct report *report = listing->report;
	if (listing->rows++ >= listing->limit)
		return OK;
	if (report_is_json(report)) {
		json_array(&report->json, NULL);
		for (uint32_t i = 0; i < count; i++)
			rows_json_cell(&report->json, &listing->columns[i], NULL, &cells[i]);
		json_array_end(&report->json);
	} else if (listing->table == NULL) {
		rows_csv(report->text, listing->columns, cells, count);
	} else {
		struct table_row *row = table_add_row(listing->table, NULL);
		for (uint32_t i = 0; i < count; i++) {
			draw_cell(listing, &listing->columns[i], &cells[i]);
			table_take(listing->table, row, i, &listing->cell);
		}
	}
	if (report->text->failed)
		return error_set(report->error, ERROR_NO_MEMORY, "out of memory for the answer");
	return report->text->length >= DELIVERED_BYTES ? report_deliver(report) : OK;
}

static int end_rows(struct listing *listing)
{
	struct report *report = listing->report;
	if (report_is_json(report)) {
		json_array_end(&report->json);
		json_number(&report->json, "row_count", listing->rows);
		json_object_end(&report->json);
		json_end(&report->json);
		return OK;
	}
	if (listing->table == NULL)
		return OK;
	TRY(table_draw(listing->table, report->text, report->error));
	if (listing->rows > listing->limit) {
		text_add(report->text, "... ");
		units_noun(report->text, listing->rows - listing->limit, "more row");
		text_add(report->text, "; -n 0 shows all\n");
	} else {
		units_noun(report->text, listing->rows, "row");
		text_add(report->text, "\n");
	}
	return OK;
}

static int answer(struct report *report, struct tables *tables, const char *statement)
{
	const bool is_drawn = !report_is_json(report) && !request_has(report->request, OPTION_CSV);
	const bool is_limited = request_has(report->request, OPTION_LIMIT) || is_drawn;
	struct listing listing = { .report = report, .limit = is_limited ? report->request->limit : UINT64_MAX };
	const struct sql_reader reader = { &listing, begin_rows, add_row };
	struct sqlite3 *database;
	if (is_drawn && listing.limit > MOST_DRAWN)
		listing.limit = MOST_DRAWN;
	TRY(sql_open(&database, tables));
	int status = sql_run(database, tables, statement, &reader);
	if (status == OK)
		status = end_rows(&listing);
	sql_close(database);
	table_destroy(listing.table);
	text_free(&listing.cell);
	return status;
}

int query_report(struct report *report)
{
	const struct request *request = report->request;
	struct tables *tables;
	if (request->operands.count == 0) {
		if (report_is_json(report))
			list_tables_json(report);
		else
			list_tables(report);
		return OK;
	}
	if (request->operands.count > 1)
		return error_set(report->error, ERROR_ARGUMENT,
		                 "query takes one statement; put it in quotes: query \"SELECT ...\"");
	TRY(tables_open(&tables, &report->query));
	int status = answer(report, tables, request->operands.items[0]);
	tables_close(tables);
	return status;
}
