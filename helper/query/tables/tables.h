/* SPDX-License-Identifier: MIT
 * tables: the heap as tables, once: what SQL, exports, CSV and the Python interface read. tables.def says which there
 * are, with the meaning and the unit of each column. Nothing is copied: a cursor computes a cell when it is asked for,
 * from the arrays of the graph and the memory of the target. */
#ifndef PYDS_QUERY_TABLES_TABLES_H
#define PYDS_QUERY_TABLES_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"

/* What a cell holds, and how it is shown. */
enum column_type {
	COLUMN_INTEGER,
	COLUMN_ADDRESS, /* in the target; shown as 0x...; an integer below 2^63 */
	COLUMN_BYTES, /* a size */
	COLUMN_BOOLEAN, /* 0 or 1 */
	COLUMN_TEXT, /* UTF-8, escaped as names are everywhere */
};

/* "ADDRESS"; in SQL the declared type of the column. */
const char *column_type_name(uint8_t type);
/* The type of such a name; false: it is none of ours, or NULL. */
bool column_type_find(const char *name, uint8_t *ret_type);

enum column_flag {
	COLUMN_IS_KEY = 1, /* rows with one value of it are found without looking at the others */
	COLUMN_IS_ORDERED = 2, /* all rows can be had in ascending order of it without sorting them */
	COLUMN_IS_COSTLY = 4, /* made when asked for: slower than the others by far */
	COLUMN_IS_VALUE = 8, /* contents of the process: NULL without --values */
	COLUMN_IS_WORD = 16, /* text of ours: says nothing of the program, so that it need not be hidden */
};

struct column {
	const char *name;
	const char *doc;
	uint8_t type; /* enum column_type */
	uint8_t flags; /* enum column_flag */
};

enum cell_kind {
	CELL_NULL,
	CELL_INTEGER,
	CELL_TEXT,
	CELL_REAL, /* text is a number with a fraction; of SQL expressions only */
};

struct cell {
	uint8_t kind; /* enum cell_kind */
	bool is_lasting; /* text stays as long as the tables are open */
	int64_t integer;
	const char *text; /* borrowed: until the cursor moves or another cell of it is asked for, unless is_lasting */
	size_t length; /* bytes of text */
};

enum access { ACCESS_ALL, ACCESS_KEY, ACCESS_ORDERED };

/* Which rows, and in which order. */
struct scan {
	uint8_t access; /* enum access */
	uint32_t column; /* of ACCESS_KEY and ACCESS_ORDERED; has the flag for it */
	struct cell key; /* of ACCESS_KEY; text is borrowed until the cursor is open */
	uint64_t columns; /* bit i: column i may be asked for; what others cost need not be paid */
};
#define SCAN_ALL_COLUMNS UINT64_MAX
static inline bool scan_wants(const struct scan *scan, uint32_t column)
{
	return scan->columns >> column & 1;
}

struct tables; /* tables/open_tables.h */
struct table_cursor; /* each table's own */

struct heap_table_class {
	/* *ret_cursor stands before the first row. It is closed by its user, also after a failure of next(). */
	int (*open)(struct table_cursor **ret_cursor, struct tables *tables, const struct scan *scan);
	/* 1: there is a row; 0: there is none any more; negative: a status, with the sentence in tables->error. */
	int (*next)(struct table_cursor *cursor);
	/* Of the row where the cursor stands. A status; *ret_cell is CELL_NULL where nothing is known. */
	int (*cell)(struct table_cursor *cursor, uint32_t column, struct cell *ret_cell);
	void (*close)(struct table_cursor *cursor);
	/* About how many rows there are in all; never less than 1. */
	uint64_t (*estimate)(struct tables *tables);
};

struct heap_table {
	const char *name;
	const char *doc;
	const struct column *columns;
	uint32_t column_count;
	const struct heap_table_class *class;
};

/* The index-th table; NULL after the last. */
const struct heap_table *heap_table_at(uint32_t index);
const struct heap_table *heap_table_find(const char *name); /* NULL: there is none */

/* Whether cells of a column are names of the program. */
static inline bool column_is_name(const struct column *column)
{
	return column->type == COLUMN_TEXT && !(column->flags & COLUMN_IS_WORD);
}

/* Numbers of the columns, by table: OBJECT_address. */
#define TABLE(name, NAME, doc)                                                                                         \
	enum name##_column                                                                                             \
	{
#define COLUMN(NAME, name, type, flags, doc) NAME##_##name,
#define END_TABLE(NAME)                                                                                                \
	NAME##_COLUMNS                                                                                                 \
	}                                                                                                              \
	;
#include "query/tables/tables.def"
#undef TABLE
#undef COLUMN
#undef END_TABLE

static inline struct cell cell_integer(uint64_t integer)
{
	return (struct cell){ .kind = CELL_INTEGER, .integer = (int64_t)integer };
}

/* An address; 0 becomes NULL. */
static inline struct cell cell_address(uint64_t address)
{
	return address == 0 ? (struct cell){ .kind = CELL_NULL } : cell_integer(address);
}

static inline struct cell cell_text(const char *text, size_t length)
{
	return (struct cell){ .kind = CELL_TEXT, .text = text, .length = length };
}

/* Of a literal, or of text that stays as long as the tables are open; NULL becomes NULL. */
static inline struct cell cell_lasting(const char *text)
{
	if (text == NULL)
		return (struct cell){ .kind = CELL_NULL };
	return (struct cell){ .kind = CELL_TEXT, .is_lasting = true, .text = text, .length = strlen(text) };
}

#endif
