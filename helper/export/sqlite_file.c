/* SPDX-License-Identifier: MIT
 * All tables of the heap as one SQLite database, with indexes and the views of the query command. */
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>

#include "export/export.h"
#include "export/hidden_name.h"
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

/* Columns that are worth having in a file: names of every object would take minutes. */
static bool is_in_file(const struct heap_table *table, const struct column *column)
{
	const bool is_name = column->flags & COLUMN_IS_COSTLY && column->type == COLUMN_TEXT;
	return !(is_name && strcmp(table->name, "object") == 0);
}

/* Objects are found by their address and references by their source: these are the order of the rows themselves, which
 * is the order they come in, so that neither takes an index of its own. */
static void declare_table(struct text *statement, const struct heap_table *table)
{
	const bool is_object = strcmp(table->name, "object") == 0, is_reference = strcmp(table->name, "reference") == 0;
	text_format(statement, "CREATE TABLE file.\"%s\"(", table->name);
	for (uint32_t i = 0, count = 0; i < table->column_count; i++) {
		const struct column *column = &table->columns[i];
		if (!is_in_file(table, column))
			continue;
		text_format(statement, "%s\"%s\" %s", count++ > 0 ? ", " : "", column->name,
		            column->type == COLUMN_TEXT ? "TEXT" : "INTEGER");
		if (is_object && i == OBJECT_address)
			text_add(statement, " PRIMARY KEY");
		if (is_reference && i == REFERENCE_source)
			text_add(statement, ", \"slot\" INTEGER");
	}
	text_add(statement, is_reference ? ", PRIMARY KEY(source, slot)) WITHOUT ROWID" : ")");
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
	for (uint32_t i = 0, count = 0; i < table->column_count; i++) {
		if (!is_in_file(table, &table->columns[i]))
			continue;
		const bool is_hidden = hide_names && column_is_name(&table->columns[i]);
		text_format(statement, is_hidden ? "%shide(\"%s\")" : "%s\"%s\"", count++ > 0 ? ", " : "",
		            table->columns[i].name);
		if (strcmp(table->name, "reference") == 0 && i == REFERENCE_source)
			text_add(statement, ", rowid");
	}
	/* The virtual table of that name is in main. */
	text_format(statement, " FROM main.\"%s\"", table->name);
}

static int copy_table(struct export *export, sqlite3 *database, const struct heap_table *table)
{
	struct text statement = { .bytes = NULL };
	declare_table(&statement, table);
	insert_rows(&statement, table, export->options->hide_names);
	int status = statement.failed ? error_set(export->error, ERROR_NO_MEMORY, "out of memory for the database")
	                              : execute(export, database, "%s", text_string(&statement));
	text_free(&statement);
	return status;
}

static int copy_all(struct export *export, sqlite3 *database)
{
	static const char *const indexes[] = {
		"CREATE INDEX file.object_type ON object(type)",
		"CREATE INDEX file.object_dominator ON object(dominator)",
		"CREATE INDEX file.reference_target ON reference(target)",
	};
	const struct heap_table *table;
	const int made = sqlite3_create_function_v2(database, "hide", 1, SQLITE_UTF8, export->tables, sql_hide, NULL,
	                                            NULL, NULL);
	if (made != SQLITE_OK)
		return failed(export, database, made);
	TRY(execute(export, database, "ATTACH %Q AS file", export->writer.unfinished));
	TRY(execute(export, database,
	            "PRAGMA file.journal_mode = off; PRAGMA file.synchronous = off; PRAGMA file.page_size = 16384; "
	            "PRAGMA file.locking_mode = exclusive; PRAGMA file.cache_size = -8192; "
	            "BEGIN",
	            ""));
	for (uint32_t i = 0; (table = heap_table_at(i)) != NULL; i++)
		TRY(copy_table(export, database, table));
	for (size_t i = 0; i < sizeof indexes / sizeof *indexes; i++)
		TRY(execute(export, database, "%s", indexes[i]));
	return execute(export, database, "COMMIT; DETACH file", "");
}

/* Views name tables without a schema, so they are made where the file is main. */
static int make_views(struct export *export)
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
	sqlite3_close(database);
	return status;
}

int export_sqlite(struct export *export)
{
	sqlite3 *database;
	struct stat file;
	TRY(sql_open(&database, export->tables));
	int status = copy_all(export, database);
	sql_close(database);
	if (status == OK)
		status = make_views(export);
	if (status == OK && stat(export->writer.unfinished, &file) == 0)
		export->writer.written = (uint64_t)file.st_size;
	return status;
}
