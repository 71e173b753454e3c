/* SPDX-License-Identifier: MIT */
#include "query/tables/open_tables.h"

#define TABLE(name, NAME, doc) static const struct column name##_columns[] = {
#define COLUMN(NAME, name, type, flags, doc) { #name, doc, COLUMN_##type, flags },
#define END_TABLE(NAME)                                                                                                \
	}                                                                                                              \
	;
#include "query/tables/tables.def"
#undef TABLE
#undef COLUMN
#undef END_TABLE

static const struct heap_table all_tables[] = {
#define TABLE(name, NAME, doc) { #name, doc, name##_columns, NAME##_COLUMNS, &name##_table },
#define COLUMN(NAME, name, type, flags, doc)
#define END_TABLE(NAME)
#include "query/tables/tables.def"
#undef TABLE
#undef COLUMN
#undef END_TABLE
};

const struct heap_table *heap_table_at(uint32_t index)
{
	return index < sizeof all_tables / sizeof *all_tables ? &all_tables[index] : NULL;
}

const struct heap_table *heap_table_find(const char *name)
{
	const struct heap_table *table;
	for (uint32_t i = 0; (table = heap_table_at(i)) != NULL; i++)
		if (strcmp(table->name, name) == 0)
			return table;
	return NULL;
}

static const char *const type_names[] = {
	[COLUMN_INTEGER] = "INTEGER", [COLUMN_ADDRESS] = "ADDRESS", [COLUMN_BYTES] = "BYTES",
	[COLUMN_BOOLEAN] = "BOOLEAN", [COLUMN_TEXT] = "TEXT",
};

const char *column_type_name(uint8_t type)
{
	return type_names[type];
}

bool column_type_find(const char *name, uint8_t *ret_type)
{
	for (uint8_t type = 0; name != NULL && type < sizeof type_names / sizeof *type_names; type++) {
		if (strcmp(name, type_names[type]) == 0) {
			*ret_type = type;
			return true;
		}
	}
	return false;
}
