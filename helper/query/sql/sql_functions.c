/* SPDX-License-Identifier: MIT */
#include "query/sql/sql_functions.h"

#include <inttypes.h>

#include "object/value.h"

/* The address that the first argument is; 0: it is none. */
static uint64_t argument_address(sqlite3_value **arguments)
{
	return sqlite3_value_numeric_type(arguments[0]) == SQLITE_INTEGER ? (uint64_t)sqlite3_value_int64(arguments[0])
	                                                                  : 0;
}

static void return_text(sqlite3_context *context, struct text *text)
{
	if (text->failed)
		sqlite3_result_error_nomem(context);
	else if (text->length == 0)
		sqlite3_result_null(context);
	else
		sqlite3_result_text64(context, text->bytes, text->length, SQLITE_TRANSIENT, SQLITE_UTF8);
	text_free(text);
}

static void sql_describe(sqlite3_context *context, int count, sqlite3_value **arguments)
{
	struct tables *tables = sqlite3_user_data(context);
	struct text text = { .bytes = NULL };
	const uint64_t address = argument_address(arguments);
	(void)count;
	if (address != 0)
		names_describe(&tables->query.target->naming, address, &tables->query.names, &text);
	return_text(context, &text);
}

static void sql_value(sqlite3_context *context, int count, sqlite3_value **arguments)
{
	const struct tables *tables = sqlite3_user_data(context);
	if (!tables->query.names.show_values)
		sqlite3_result_null(context);
	else
		sql_describe(context, count, arguments);
}

static void sql_name(sqlite3_context *context, int count, sqlite3_value **arguments)
{
	struct tables *tables = sqlite3_user_data(context);
	struct cell cell = { .kind = CELL_NULL };
	const uint64_t address = argument_address(arguments);
	(void)count;
	if (address != 0 && tables_name(tables, address, &cell) < 0)
		sqlite3_result_error(context, tables->query.error->message, -1);
	else if (cell.kind == CELL_TEXT)
		sqlite3_result_text64(context, cell.text, cell.length, SQLITE_TRANSIENT, SQLITE_UTF8);
	else
		sqlite3_result_null(context);
}

static void sql_path(sqlite3_context *context, int count, sqlite3_value **arguments)
{
	struct tables *tables = sqlite3_user_data(context);
	struct text text = { .bytes = NULL };
	const uint64_t address = argument_address(arguments);
	(void)count;
	if (address != 0 && tables_path(tables, address, &text) < 0) {
		sqlite3_result_error(context, tables->query.error->message, -1);
		text_free(&text);
		return;
	}
	return_text(context, &text);
}

static void sql_resolve(sqlite3_context *context, int count, sqlite3_value **arguments)
{
	struct tables *tables = sqlite3_user_data(context);
	const char *expression = (const char *)sqlite3_value_text(arguments[0]);
	uint64_t object;
	(void)count;
	if (expression == NULL)
		sqlite3_result_null(context);
	else if (names_resolve(&tables->query.target->naming, expression, &tables->query.names, &object,
	                       tables->query.error) < 0)
		sqlite3_result_error(context, tables->query.error->message, -1);
	else
		sqlite3_result_int64(context, (sqlite3_int64)object);
}

static void sql_addr(sqlite3_context *context, int count, sqlite3_value **arguments)
{
	struct text text = { .bytes = NULL };
	(void)count;
	if (sqlite3_value_numeric_type(arguments[0]) == SQLITE_INTEGER)
		text_format(&text, "0x%" PRIx64, (uint64_t)sqlite3_value_int64(arguments[0]));
	return_text(context, &text);
}

int sql_functions_register(sqlite3 *database, struct tables *tables)
{
	static const struct {
		const char *name;
		void (*function)(sqlite3_context *context, int count, sqlite3_value **arguments);
	} functions[] = {
		{ "name", sql_name }, { "value", sql_value },     { "describe", sql_describe },
		{ "path", sql_path }, { "resolve", sql_resolve }, { "addr", sql_addr },
	};
	for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
		int status =
		        sqlite3_create_function_v2(database, functions[i].name, 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC,
		                                   tables, functions[i].function, NULL, NULL, NULL);
		if (status != SQLITE_OK)
			return status;
	}
	return SQLITE_OK;
}
