/* SPDX-License-Identifier: MIT
 * rows: rows of a table, or of an SQL answer, as text that other programs read: CSV (RFC 4180) and JSON, one object a
 * row. Addresses are "0x...", sizes are bytes, NULL is an empty field and null. */
#ifndef PYDS_EXPORT_ROWS_H
#define PYDS_EXPORT_ROWS_H

#include "base/text.h"
#include "query/sql/sql.h"
#include "render/json.h"

void rows_csv_header(struct text *text, const struct sql_column *columns, uint32_t count);
void rows_csv(struct text *text, const struct sql_column *columns, const struct cell *cells, uint32_t count);
/* Without a newline. */
void rows_json(struct text *text, const struct sql_column *columns, const struct cell *cells, uint32_t count);
/* One cell into an open array (key NULL) or object. */
void rows_json_cell(struct json *json, const struct sql_column *column, const char *key, const struct cell *cell);
/* One cell as a person reads it; sizes in bytes. */
void rows_cell(struct text *text, const struct sql_column *column, const struct cell *cell);

/* Whether a file with a whole table has this column: the names of all objects would take minutes. A statement that asks
 * for them has them. */
bool rows_keep_column(const struct heap_table *table, uint32_t column);

#endif
