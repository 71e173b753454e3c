/* SPDX-License-Identifier: MIT
 * All tables of the heap as one SQLite database, with indexes and the views of the query command. */
#include <sqlite3.h>
#include <sys/stat.h>

#include "export/export.h"
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

/* Columns that are worth having in a file: paths and names of every object would take minutes. */
static int copy_table(struct export *export, sqlite3 *database, const struct heap_table *table)
{
	struct text statement = { .bytes = NULL };
	text_format(&statement, "CREATE TABLE file.\"%s\" AS SELECT ", table->name);
	bool is_first = true;
	for (uint32_t i = 0; i < table->column_count; i++) {
		const bool is_name =
		        table->columns[i].flags & COLUMN_IS_COSTLY && table->columns[i].type == COLUMN_TEXT;
		if (table == heap_table_find("object") && is_name)
			continue;
		text_format(&statement, "%s\"%s\"", is_first ? "" : ", ", table->columns[i].name);
		is_first = false;
	}
	/* The virtual table of that name is in main. */
	text_format(&statement, " FROM main.\"%s\"", table->name);
	int status = statement.failed ? error_set(export->error, ERROR_NO_MEMORY, "out of memory for the database")
	                              : execute(export, database, "%s", text_string(&statement));
	text_free(&statement);
	return status;
}

static int copy_all(struct export *export, sqlite3 *database)
{
	static const char *const indexes[] = {
		"CREATE UNIQUE INDEX file.object_address ON object(address)",
		"CREATE INDEX file.object_type ON object(type)",
		"CREATE INDEX file.object_dominator ON object(dominator)",
		"CREATE INDEX file.reference_source ON reference(source)",
		"CREATE INDEX file.reference_target ON reference(target)",
	};
	const struct heap_table *table;
	TRY(execute(export, database, "ATTACH %Q AS file", export->writer.unfinished));
	TRY(execute(export, database,
	            "PRAGMA file.journal_mode = off; PRAGMA file.synchronous = off; PRAGMA file.page_size = 16384; "
	            "PRAGMA file.locking_mode = exclusive; BEGIN",
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
