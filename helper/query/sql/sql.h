/* SPDX-License-Identifier: MIT
 * sql: SQLite over the tables of the heap. Every table of tables.def is a virtual table, so that nothing is copied;
 * functions and views are those of sql_functions.c and views.def. Only questions are answered: a statement that would
 * write, attach or set something is refused. */
#ifndef PYDS_QUERY_SQL_SQL_H
#define PYDS_QUERY_SQL_SQL_H

#include "query/tables/open_tables.h"

struct sqlite3;

struct sql_column {
	const char *name; /* as the statement says it; UTF-8 from whoever wrote it */
	uint8_t type; /* enum column_type of the table's column; of an expression COLUMN_INTEGER, as its cells say */
	bool is_expression; /* no column of a table */
};

/* Gets the rows of an answer one by one. */
struct sql_reader {
	void *context;
	/* Once, before the first row, also where there is none. columns are borrowed until the answer ends. */
	int (*begin)(void *context, const struct sql_column *columns, uint32_t count);
	/* The cells are borrowed for the call. A status: negative ends the query with it. */
	int (*row)(void *context, const struct cell *cells, uint32_t count);
};

/* A connection with all tables, views and functions. The tables are borrowed. */
int sql_open(struct sqlite3 **ret_database, struct tables *tables);
void sql_close(struct sqlite3 *database); /* NULL is fine */

/* Answers one SELECT (or EXPLAIN, or VALUES). ERROR_ARGUMENT with SQLite's sentence and the place where the statement
 * is wrong; ERROR_CANCELLED. Real numbers reach the reader as CELL_REAL, as SQLite writes them. */
int sql_run(struct sqlite3 *database, struct tables *tables, const char *statement, const struct sql_reader *reader);

/* The views, as `query` alone lists them: the index-th; false after the last. */
struct sql_view {
	const char *name, *doc, *statement;
	bool needs_names; /* of objects, which are made when asked for: no file has them */
};
bool sql_view_at(uint32_t index, struct sql_view *ret_view);

#endif
