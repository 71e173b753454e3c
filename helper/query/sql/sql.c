/* SPDX-License-Identifier: MIT */
#include "query/sql/sql.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "query/sql/sql_functions.h"
#include "query/sql/virtual_table.h"

enum {
	STEPS_BETWEEN_CHECKS = 10000, /* instructions of SQLite's machine: well below a millisecond */
	MOST_TEXT_BYTES = 1 << 24, /* of one cell: a function of SQLite that makes one looks at no cancel */
};

static const struct sql_view views[] = {
#define VIEW(name, needs_names, doc, statement) { #name, doc, statement, needs_names },
#include "query/sql/views.def"
#undef VIEW
};

bool sql_view_at(uint32_t index, struct sql_view *ret_view)
{
	if (index >= sizeof views / sizeof *views)
		return false;
	*ret_view = views[index];
	return true;
}

/* A hostile statement may read, and nothing else: no file is attached, nothing is made, no setting changes. */
static int authorize(void *context, int action, const char *first, const char *second, const char *database,
                     const char *trigger)
{
	(void)context, (void)first, (void)database, (void)trigger;
	switch (action) {
	case SQLITE_SELECT:
	case SQLITE_READ:
	case SQLITE_RECURSIVE:
		return SQLITE_OK;
	case SQLITE_FUNCTION:
		return second != NULL && sqlite3_stricmp(second, "load_extension") == 0 ? SQLITE_DENY : SQLITE_OK;
	default:
		return SQLITE_DENY;
	}
}

static int is_cancelled(void *context)
{
	struct tables *tables = context;
	return tables_check(tables, 0) < 0;
}

static int make_views(sqlite3 *database)
{
	struct text statement = { .bytes = NULL };
	struct sql_view view;
	int status = SQLITE_OK;
	for (uint32_t i = 0; status == SQLITE_OK && sql_view_at(i, &view); i++) {
		text_reset(&statement);
		text_format(&statement, "CREATE TEMP VIEW %s AS %s", view.name, view.statement);
		status = statement.failed ? SQLITE_NOMEM
		                          : sqlite3_exec(database, text_string(&statement), NULL, NULL, NULL);
	}
	text_free(&statement);
	return status;
}

/* Has SQLite learn the columns of every table now: it is told them as a CREATE TABLE, which authorize() would refuse.
 */
static int meet_tables(sqlite3 *database)
{
	const struct heap_table *table;
	int status = SQLITE_OK;
	for (uint32_t i = 0; status == SQLITE_OK && (table = heap_table_at(i)) != NULL; i++) {
		sqlite3_stmt *prepared = NULL;
		char *statement = sqlite3_mprintf("SELECT 1 FROM main.\"%w\"", table->name);
		status =
		        statement == NULL ? SQLITE_NOMEM : sqlite3_prepare_v2(database, statement, -1, &prepared, NULL);
		sqlite3_finalize(prepared);
		sqlite3_free(statement);
	}
	return status;
}

int sql_open(sqlite3 **ret_database, struct tables *tables)
{
	sqlite3 *database = NULL;
	*ret_database = NULL;
	int status = sqlite3_open_v2(":memory:", &database,
	                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	if (status == SQLITE_OK)
		status = virtual_tables_register(database, tables);
	if (status == SQLITE_OK)
		status = meet_tables(database);
	if (status == SQLITE_OK)
		status = sql_functions_register(database, tables);
	if (status == SQLITE_OK)
		status = make_views(database);
	if (status != SQLITE_OK) {
		error_set(tables->query.error, ERROR_NO_MEMORY, "SQLite cannot be made ready: %s",
		          database != NULL ? sqlite3_errmsg(database) : sqlite3_errstr(status));
		sqlite3_close(database);
		return tables->query.error->status;
	}
	sqlite3_limit(database, SQLITE_LIMIT_LENGTH, MOST_TEXT_BYTES);
	sqlite3_progress_handler(database, STEPS_BETWEEN_CHECKS, is_cancelled, tables);
	*ret_database = database;
	return OK;
}

void sql_close(sqlite3 *database)
{
	sqlite3_close(database);
}

/* ---- One statement ---- */

/* The failure of a statement: what was set by us meanwhile, or SQLite's sentence with the place it means. */
static int statement_failed(sqlite3 *database, struct tables *tables, const char *statement, int status)
{
	if (status == SQLITE_INTERRUPT)
		return error_set(tables->query.error, ERROR_CANCELLED, "cancelled");
	if (tables->query.error->status < 0)
		return tables->query.error->status;
	if (status == SQLITE_NOMEM)
		return error_set(tables->query.error, ERROR_NO_MEMORY, "out of memory for this query");
	if (status == SQLITE_AUTH)
		return error_set(tables->query.error, ERROR_ARGUMENT,
		                 "only SELECT is answered here: nothing of a process or a core is changed");
	error_set(tables->query.error, ERROR_ARGUMENT, "SQL: %s", sqlite3_errmsg(database));
#if SQLITE_VERSION_NUMBER >= 3038000
	const int offset = sqlite3_error_offset(database);
	if (offset >= 0)
		error_note(tables->query.error, "at \"%.40s\"", statement + offset);
#else
	(void)statement;
#endif
	error_note(tables->query.error, "`query` alone lists the tables and their columns");
	return ERROR_ARGUMENT;
}

struct answer {
	sqlite3_stmt *prepared;
	struct sql_column *columns;
	struct cell *cells;
	uint32_t count;
};

static void read_cells(const struct answer *answer)
{
	for (uint32_t i = 0; i < answer->count; i++) {
		const int type = sqlite3_column_type(answer->prepared, (int)i);
		switch (type) {
		case SQLITE_NULL:
			answer->cells[i] = (struct cell){ .kind = CELL_NULL };
			break;
		case SQLITE_INTEGER:
			answer->cells[i] = cell_integer((uint64_t)sqlite3_column_int64(answer->prepared, (int)i));
			break;
		default: /* a real number too, as SQLite writes it */
			answer->cells[i] = cell_text((const char *)sqlite3_column_text(answer->prepared, (int)i),
			                             (size_t)sqlite3_column_bytes(answer->prepared, (int)i));
			if (answer->cells[i].text == NULL)
				answer->cells[i] = (struct cell){ .kind = CELL_NULL };
			else if (type == SQLITE_FLOAT && strchr(answer->cells[i].text, 'I') == NULL) /* Inf */
				answer->cells[i].kind = CELL_REAL;
			break;
		}
	}
}

static int begin_answer(struct answer *answer, const struct sql_reader *reader)
{
	for (uint32_t i = 0; i < answer->count; i++) {
		struct sql_column *column = &answer->columns[i];
		column->name = sqlite3_column_name(answer->prepared, (int)i);
		column->is_expression =
		        !column_type_find(sqlite3_column_decltype(answer->prepared, (int)i), &column->type);
		if (column->is_expression)
			column->type = COLUMN_INTEGER;
	}
	return reader->begin(reader->context, answer->columns, answer->count);
}

static int read_rows(sqlite3 *database, struct tables *tables, const char *statement, struct answer *answer,
                     const struct sql_reader *reader)
{
	TRY(begin_answer(answer, reader));
	for (;;) {
		const int step = sqlite3_step(answer->prepared);
		if (step == SQLITE_DONE)
			return OK;
		if (step != SQLITE_ROW)
			return statement_failed(database, tables, statement, step);
		read_cells(answer);
		TRY(reader->row(reader->context, answer->cells, answer->count));
	}
}

/* What follows the first statement; blanks and semicolons are nothing. */
static bool has_more(const char *rest)
{
	return rest[strspn(rest, " \t\r\n;")] != '\0';
}

int sql_run(sqlite3 *database, struct tables *tables, const char *statement, const struct sql_reader *reader)
{
	struct answer answer = { .prepared = NULL };
	const char *rest = "";
	error_clear(tables->query.error);
	sqlite3_set_authorizer(database, authorize, NULL);
	int status = sqlite3_prepare_v2(database, statement, -1, &answer.prepared, &rest);
	if (status != SQLITE_OK)
		status = statement_failed(database, tables, statement, status);
	else if (answer.prepared == NULL)
		status = error_set(tables->query.error, ERROR_ARGUMENT,
		                   "no statement; `query` alone lists the tables and their columns");
	else if (has_more(rest))
		status = error_set(tables->query.error, ERROR_ARGUMENT,
		                   "one statement at a time, and here are more: %.60s", rest);
	if (status == OK) {
		answer.count = (uint32_t)sqlite3_column_count(answer.prepared);
		answer.columns = calloc(answer.count + 1, sizeof *answer.columns);
		answer.cells = calloc(answer.count + 1, sizeof *answer.cells);
		status = answer.columns == NULL || answer.cells == NULL
		                 ? error_set(tables->query.error, ERROR_NO_MEMORY, "out of memory for this query")
		                 : read_rows(database, tables, statement, &answer, reader);
	}
	sqlite3_finalize(answer.prepared);
	sqlite3_set_authorizer(database, NULL, NULL);
	free(answer.columns);
	free(answer.cells);
	return status;
}
