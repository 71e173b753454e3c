/* SPDX-License-Identifier: MIT */
#include "query/sql/virtual_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* What xBestIndex tells xFilter in its one number: an access, and the column it goes by. */
enum { PLAN_COLUMN_BITS = 8 };

struct virtual_table {
	sqlite3_vtab base; /* first: SQLite's pointer is ours */
	struct tables *tables;
	const struct heap_table *table;
};

struct virtual_cursor {
	sqlite3_vtab_cursor base; /* first */
	struct table_cursor *rows; /* NULL: not filtered yet */
	sqlite3_int64 row;
	bool is_done;
};

/* What virtual_tables_register() hands over with each module. */
struct module_context {
	struct tables *tables;
	const struct heap_table *table;
};

static int connect_table(sqlite3 *database, void *context, int argument_count, const char *const *arguments,
                         sqlite3_vtab **ret_table, char **ret_message)
{
	const struct module_context *module = context;
	(void)argument_count, (void)arguments, (void)ret_message;
	struct text declaration = { .bytes = NULL };
	text_add(&declaration, "CREATE TABLE x(");
	for (uint32_t i = 0; i < module->table->column_count; i++)
		text_format(&declaration, "%s\"%s\" %s", i > 0 ? ", " : "", module->table->columns[i].name,
		            column_type_name(module->table->columns[i].type));
	text_add(&declaration, ")");
	int status = declaration.failed ? SQLITE_NOMEM : sqlite3_declare_vtab(database, text_string(&declaration));
	text_free(&declaration);
	if (status != SQLITE_OK)
		return status;
	struct virtual_table *table = sqlite3_malloc(sizeof *table);
	if (table == NULL)
		return SQLITE_NOMEM;
	*table = (struct virtual_table){ .tables = module->tables, .table = module->table };
	*ret_table = &table->base;
	return SQLITE_OK;
}

static int disconnect_table(sqlite3_vtab *base)
{
	sqlite3_free(base);
	return SQLITE_OK;
}

/* Rows by a key where the statement says = or IN; else in the order it wants; else all of them. */
static int choose_access(sqlite3_vtab *base, sqlite3_index_info *index)
{
	const struct virtual_table *table = (const struct virtual_table *)base;
	const struct column *columns = table->table->columns;
	const double rows = (double)table->table->class->estimate(table->tables);
	index->idxNum = ACCESS_ALL;
	/* Which columns the statement uses, for xFilter; the last bit is of the 64th and all after it. */
	index->idxStr = sqlite3_mprintf("%llx", (unsigned long long)index->colUsed);
	if (index->idxStr == NULL)
		return SQLITE_NOMEM;
	index->needToFreeIdxStr = 1;
	index->estimatedCost = rows;
	index->estimatedRows = (sqlite3_int64)rows;
	for (int i = 0; i < index->nConstraint; i++) {
		const int column = index->aConstraint[i].iColumn;
		if (!index->aConstraint[i].usable || index->aConstraint[i].op != SQLITE_INDEX_CONSTRAINT_EQ ||
		    column < 0 || !(columns[column].flags & COLUMN_IS_KEY))
			continue;
		const bool is_unique = column == 0;
		const double found = is_unique ? 1 : rows / 64 + 1;
		if (found >= index->estimatedCost)
			continue;
		for (int k = 0; k < index->nConstraint; k++)
			index->aConstraintUsage[k].argvIndex = 0;
		index->aConstraintUsage[i].argvIndex = 1;
		index->idxNum = ACCESS_KEY | column << PLAN_COLUMN_BITS;
		index->estimatedCost = found;
		index->estimatedRows = (sqlite3_int64)found;
	}
	if (index->idxNum == ACCESS_ALL && index->nOrderBy == 1 && !index->aOrderBy[0].desc &&
	    index->aOrderBy[0].iColumn >= 0 && columns[index->aOrderBy[0].iColumn].flags & COLUMN_IS_ORDERED) {
		index->idxNum = ACCESS_ORDERED | index->aOrderBy[0].iColumn << PLAN_COLUMN_BITS;
		index->orderByConsumed = 1;
	}
	return SQLITE_OK;
}

static int open_cursor(sqlite3_vtab *base, sqlite3_vtab_cursor **ret_cursor)
{
	(void)base;
	struct virtual_cursor *cursor = sqlite3_malloc(sizeof *cursor);
	if (cursor == NULL)
		return SQLITE_NOMEM;
	*cursor = (struct virtual_cursor){ .rows = NULL };
	*ret_cursor = &cursor->base;
	return SQLITE_OK;
}

static void close_rows(struct virtual_cursor *cursor)
{
	const struct virtual_table *table = (const struct virtual_table *)cursor->base.pVtab;
	if (cursor->rows != NULL)
		table->table->class->close(cursor->rows);
	cursor->rows = NULL;
}

static int close_cursor(sqlite3_vtab_cursor *base)
{
	struct virtual_cursor *cursor = (struct virtual_cursor *)base;
	close_rows(cursor);
	sqlite3_free(cursor);
	return SQLITE_OK;
}

static int next_row(sqlite3_vtab_cursor *base)
{
	struct virtual_cursor *cursor = (struct virtual_cursor *)base;
	const struct virtual_table *table = (const struct virtual_table *)base->pVtab;
	int found = table->table->class->next(cursor->rows);
	cursor->row++;
	cursor->is_done = found <= 0;
	if (found == ERROR_CANCELLED)
		return SQLITE_INTERRUPT;
	return found >= 0 ? SQLITE_OK : found == ERROR_NO_MEMORY ? SQLITE_NOMEM : SQLITE_ERROR;
}

/* The value of a key as a cell. False: no row can have it. */
static bool key_cell(sqlite3_value *value, const struct column *column, struct cell *ret_cell)
{
	if (column->type == COLUMN_TEXT) {
		if (sqlite3_value_type(value) != SQLITE_TEXT)
			return false;
		const char *text = (const char *)sqlite3_value_text(value);
		*ret_cell = cell_text(text, (size_t)sqlite3_value_bytes(value));
		return text != NULL;
	}
	switch (sqlite3_value_numeric_type(value)) {
	case SQLITE_INTEGER:
		break;
	case SQLITE_FLOAT:
		if ((double)sqlite3_value_int64(value) != sqlite3_value_double(value))
			return false;
		break;
	default:
		return false;
	}
	*ret_cell = cell_integer((uint64_t)sqlite3_value_int64(value));
	return true;
}

static int filter_rows(sqlite3_vtab_cursor *base, int plan, const char *plan_text, int value_count,
                       sqlite3_value **values)
{
	struct virtual_cursor *cursor = (struct virtual_cursor *)base;
	const struct virtual_table *table = (const struct virtual_table *)base->pVtab;
	close_rows(cursor);
	struct scan scan = { .access = (uint8_t)(plan & ((1 << PLAN_COLUMN_BITS) - 1)),
		             .column = (uint32_t)plan >> PLAN_COLUMN_BITS,
		             .columns = strtoull(plan_text, NULL, 16) };
	cursor->row = 0;
	if (scan.access == ACCESS_KEY &&
	    (value_count < 1 || !key_cell(values[0], &table->table->columns[scan.column], &scan.key))) {
		cursor->is_done = true;
		return SQLITE_OK;
	}
	int status = table->table->class->open(&cursor->rows, table->tables, &scan);
	if (status < 0)
		return status == ERROR_CANCELLED   ? SQLITE_INTERRUPT
		       : status == ERROR_NO_MEMORY ? SQLITE_NOMEM
		                                   : SQLITE_ERROR;
	return next_row(base);
}

static int is_at_end(sqlite3_vtab_cursor *base)
{
	return ((const struct virtual_cursor *)base)->is_done;
}

static int read_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column)
{
	struct virtual_cursor *cursor = (struct virtual_cursor *)base;
	const struct virtual_table *table = (const struct virtual_table *)base->pVtab;
	struct cell cell = { .kind = CELL_NULL };
	int status = table->table->class->cell(cursor->rows, (uint32_t)column, &cell);
	if (status < 0)
		return status == ERROR_CANCELLED ? SQLITE_INTERRUPT : SQLITE_ERROR;
	if (cell.kind == CELL_INTEGER)
		sqlite3_result_int64(context, cell.integer);
	else if (cell.kind == CELL_TEXT)
		sqlite3_result_text64(context, cell.text, cell.length,
		                      cell.is_lasting ? SQLITE_STATIC : SQLITE_TRANSIENT, SQLITE_UTF8);
	else
		sqlite3_result_null(context);
	return SQLITE_OK;
}

static int read_row_number(sqlite3_vtab_cursor *base, sqlite3_int64 *ret_row)
{
	*ret_row = ((const struct virtual_cursor *)base)->row;
	return SQLITE_OK;
}

/* Eponymous: there without a CREATE statement, and only so (xCreate is NULL). */
static const sqlite3_module module_functions = {
	.xConnect = connect_table,
	.xBestIndex = choose_access,
	.xDisconnect = disconnect_table,
	.xOpen = open_cursor,
	.xClose = close_cursor,
	.xFilter = filter_rows,
	.xNext = next_row,
	.xEof = is_at_end,
	.xColumn = read_column,
	.xRowid = read_row_number,
};

int virtual_tables_register(sqlite3 *database, struct tables *tables)
{
	const struct heap_table *table;
	for (uint32_t i = 0; (table = heap_table_at(i)) != NULL; i++) {
		struct module_context *context = sqlite3_malloc(sizeof *context);
		if (context == NULL)
			return SQLITE_NOMEM;
		*context = (struct module_context){ .tables = tables, .table = table };
		int status = sqlite3_create_module_v2(database, table->name, &module_functions, context, sqlite3_free);
		if (status != SQLITE_OK)
			return status;
	}
	return SQLITE_OK;
}
