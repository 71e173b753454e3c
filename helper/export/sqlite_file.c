/* SPDX-License-Identifier: MIT
 * All tables of the heap as one SQLite database, with indexes and the views of the query command. SQLite makes them all
 * and fills the small ones; sqlite_rows fills those with a row for every object and reference. */
#include <sqlite3.h>
#include <string.h>

#include "export/export.h"
#include "export/hidden_name.h"
#include "export/sqlite_pages.h"
#include "export/sqlite_rows.h"
#include "query/sql/sql.h"

static int failed(struct export *export, sqlite3 *database, int status)
{
	if (status == SQLITE_INTERRUPT)
		return progress_cancelled(export->error);
	if (export->error->status < 0)
		return export->error->status;
	return error_set(export->error, status == SQLITE_NOMEM ? ERROR_NO_MEMORY : ERROR_IO,
	                 "%s could not be written: %s", export->options->path, sqlite3_errmsg(database));
}

/* Executes a format with one name in it, quoted. */
static int execute(struct export *export, sqlite3 *database, const char *format, const char *name)
{
	char *statement = sqlite3_mprintf(format, name, name, name);
	if (statement == NULL)
		return error_set(export->error, ERROR_NO_MEMORY, "out of memory for the database");
	const int status = sqlite3_exec(database, statement, NULL, NULL, NULL);
	sqlite3_free(statement);
	return status == SQLITE_OK ? OK : failed(export, database, status);
}

static void declare_table(struct text *statement, const struct heap_table *table)
{
	text_format(statement, "CREATE TABLE file.\"%s\"(", table->name);
	for (uint32_t i = 0; i < table->column_count; i++)
		text_format(statement, "%s\"%s\" %s", i > 0 ? ", " : "", table->columns[i].name,
		            table->columns[i].type == COLUMN_TEXT ? "TEXT" : "INTEGER");
	text_add(statement, ")");
}

/* hide(text): what stands for a name. */
static void sql_hide(sqlite3_context *context, int count, sqlite3_value **arguments)
{
	const char *bytes = (const char *)sqlite3_value_text(arguments[0]);
	struct text hidden = { .bytes = NULL };
	(void)count;
	if (bytes == NULL)
		return; /* NULL */
	hidden_name(sqlite3_user_data(context), bytes, (size_t)sqlite3_value_bytes(arguments[0]), &hidden);
	sqlite3_result_text64(context, text_string(&hidden), hidden.length, SQLITE_TRANSIENT, SQLITE_UTF8);
	text_free(&hidden);
}

static void insert_rows(struct text *statement, const struct heap_table *table, bool hide_names)
{
	text_format(statement, "; INSERT INTO file.\"%s\" SELECT ", table->name);
	for (uint32_t i = 0; i < table->column_count; i++) {
		const bool is_hidden = hide_names && column_is_name(&table->columns[i]);
		text_format(statement, is_hidden ? "%shide(\"%s\")" : "%s\"%s\"", i > 0 ? ", " : "",
		            table->columns[i].name);
	}
	/* The virtual table of that name is in main. */
	text_format(statement, " FROM main.\"%s\"", table->name);
}

static int copy_table(struct export *export, sqlite3 *database, const struct heap_table *table)
{
	struct text statement = { .bytes = NULL };
	if (sqlite_rows_has(table)) {
		sqlite_rows_declare(table, &statement);
	} else {
		declare_table(&statement, table);
		insert_rows(&statement, table, export->options->hide_names);
	}
	int status = statement.failed ? error_set(export->error, ERROR_NO_MEMORY, "out of memory for the database")
	                              : execute(export, database, "%s", text_string(&statement));
	text_free(&statement);
	return status;
}

static int copy_all(struct export *export, sqlite3 *database)
{
	const struct heap_table *table;
	const int made = sqlite3_create_function_v2(database, "hide", 1, SQLITE_UTF8, export->tables, sql_hide, NULL,
	                                            NULL, NULL);
	if (made != SQLITE_OK)
		return failed(export, database, made);
	TRY(execute(export, database, "ATTACH %Q AS file", export->writer.unfinished));
	TRY(execute(export, database,
	            "PRAGMA file.page_size = 16384; PRAGMA file.auto_vacuum = none; "
	            "PRAGMA file.journal_mode = off; PRAGMA file.synchronous = off; "
	            "PRAGMA file.locking_mode = exclusive; PRAGMA file.cache_size = -8192; BEGIN",
	            ""));
	for (uint32_t i = 0; (table = heap_table_at(i)) != NULL; i++)
		TRY(copy_table(export, database, table));
	return execute(export, database, "COMMIT; DETACH file", "");
}

/* Where the trees of the large tables begin. */
static int find_roots(struct export *export, sqlite3 *database, uint32_t roots[TREES])
{
	sqlite3_stmt *rows;
	memset(roots, 0, TREES * sizeof *roots);
	int status = sqlite3_prepare_v2(database, "SELECT name, rootpage FROM sqlite_master", -1, &rows, NULL);
	while (status == SQLITE_OK && (status = sqlite3_step(rows)) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(rows, 0);
		for (int i = 0; name != NULL && i < TREES; i++)
			if (strcmp(name, sqlite_rows_trees[i]) == 0)
				roots[i] = (uint32_t)sqlite3_column_int64(rows, 1);
		status = SQLITE_OK;
	}
	sqlite3_finalize(rows);
	return status == SQLITE_DONE ? OK : failed(export, database, status);
}

/* Views name tables without a schema, so they are made where the file is main. */
static int make_views(struct export *export, uint32_t roots[TREES])
{
	sqlite3 *database = NULL;
	struct sql_view view;
	int status = sqlite3_open_v2(export->writer.unfinished, &database, SQLITE_OPEN_READWRITE, NULL);
	if (status != SQLITE_OK) {
		status = failed(export, database, status);
		sqlite3_close(database);
		return status;
	}
	status = OK;
	for (uint32_t i = 0; status == OK && sql_view_at(i, &view); i++) {
		struct text statement = { .bytes = NULL };
		if (view.needs_names)
			continue;
		text_format(&statement, "CREATE VIEW %s AS %s", view.name, view.statement);
		status = execute(export, database, "%s", text_string(&statement));
		text_free(&statement);
	}
	if (status == OK)
		status = find_roots(export, database, roots);
	sqlite3_close(database);
	return status;
}

int export_sqlite(struct export *export)
{
	sqlite3 *database;
	uint32_t roots[TREES];
	TRY(sql_open(&database, export->tables));
	int status = copy_all(export, database);
	sql_close(database);
	if (status == OK)
		status = make_views(export, roots);
	return status == OK ? sqlite_rows_write(export, roots) : status;
}
