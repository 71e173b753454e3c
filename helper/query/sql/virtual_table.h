/* SPDX-License-Identifier: MIT
 * virtual_table: one table of tables.def as SQLite sees it. */
#ifndef PYDS_QUERY_SQL_VIRTUAL_TABLE_H
#define PYDS_QUERY_SQL_VIRTUAL_TABLE_H

#include <sqlite3.h>

#include "query/tables/open_tables.h"

/* Makes every table known to a connection. SQLite's status. The tables are borrowed until it is closed. */
int virtual_tables_register(sqlite3 *database, struct tables *tables);

#endif
