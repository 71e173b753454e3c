/* SPDX-License-Identifier: MIT
 * sql_functions: what a statement can ask of one object.
 *   name(address)      what leads to it, or NULL
 *   value(address)     its contents in a few words; NULL without --values
 *   describe(address)  "dict, 3 entries"
 *   path(address)      the nearest way to it from a root, in one line
 *   resolve(text)      the address of what a Python path names: app.cache.SESSIONS; an error where it names nothing
 *   hex(address) is SQLite's own and does another thing: addr(address) writes 0x7f31c02a8e40 */
#ifndef PYDS_QUERY_SQL_SQL_FUNCTIONS_H
#define PYDS_QUERY_SQL_SQL_FUNCTIONS_H

#include <sqlite3.h>

#include "query/tables/open_tables.h"

/* SQLite's status. */
int sql_functions_register(sqlite3 *database, struct tables *tables);

#endif
