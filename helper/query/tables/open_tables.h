/* SPDX-License-Identifier: MIT
 * open_tables: the tables of one target while they are read, and the arrays that several of them share, each made when
 * it is first asked for. Objects are spoken of by their number in the heap's graph: ascending addresses. */
#ifndef PYDS_QUERY_TABLES_OPEN_TABLES_H
#define PYDS_QUERY_TABLES_OPEN_TABLES_H

#include "base/text.h"
#include "query/query.h"
#include "query/tables/tables.h"

struct naming; /* query/naming.h */

struct tables {
	struct query query; /* as it was asked, in shallow bytes */
	const struct retained *heap; /* the target's */
	/* NULL until tables_types() and the like. */
	uint32_t *type_of; /* by object: type_info.index */
	uint32_t *by_type; /* all objects, by the name of their type, then by address */
	uint32_t *type_first; /* by rank of a type: where its objects begin in by_type; one more than there are types */
	uint32_t *type_ranked; /* by rank: type_info.index */
	uint32_t type_count;
	char **modules; /* by type_info.index: the module of a class, escaped; NULL: not looked at yet */
	size_t module_count; /* types that were known when modules was made */
	uint8_t *content_kinds; /* by type_info.index: enum content_kind */
	size_t content_kind_count; /* types that were known when it was made */
	uint8_t *generations; /* by object; GC_GENERATIONS: not tracked */
	uint32_t *depths; /* by number of the dominator tree */
	struct naming *naming; /* query/naming.h */
	uint64_t content_key; /* of column content: another one each time */
	struct text text; /* the cell being made, for whoever needs a place */
};

/* Builds the heap's graph if nobody did. What query points to is borrowed until tables_close(). */
int tables_open(struct tables **ret_tables, const struct query *query);
void tables_close(struct tables *tables); /* NULL is fine */

/* Each makes what its name says, once. */
int tables_types(struct tables *tables); /* type_of */
int tables_by_type(struct tables *tables); /* by_type, type_first, type_ranked */
int tables_generations(struct tables *tables);
int tables_depths(struct tables *tables);
/* ERROR_CANCELLED, with its sentence, once somebody asked for it; looked at by every loop over objects. */
int tables_check(struct tables *tables, uint64_t step);

uint32_t tables_object_count(const struct tables *tables);
uint64_t tables_address(const struct tables *tables, uint32_t object);
/* UINT32_MAX: none is there. */
uint32_t tables_find(const struct tables *tables, uint64_t address);
/* Of an object, by number; after tables_types(). */
const struct type_info *tables_type(const struct tables *tables, uint32_t object);
/* The module of a class: "app.models", from its __module__ or what stands before the last dot of its name. "" where
 * memory is out. Lasting. */
const char *tables_module(struct tables *tables, const struct type_info *type);
/* What instances of a class have that a length or a content can be told of: enum content_kind. */
uint8_t tables_content_kind(struct tables *tables, const struct type_info *type);
/* The range of by_type that has objects of types of this name; false: none has. After tables_by_type(). */
bool tables_type_range(const struct tables *tables, const char *name, size_t length, uint32_t *ret_first,
                       uint32_t *ret_end);

/* What leads to an object; CELL_NULL where nothing near it has a name. Borrowed until the next call. */
int tables_name(struct tables *tables, uint64_t address, struct cell *ret_cell);
/* The same of a number of the dominator tree: an object or a holder. */
int tables_name_number(struct tables *tables, uint32_t number, struct cell *ret_cell);
/* Appends the nearest way to an object from a root, in one line. */
int tables_path(struct tables *tables, uint64_t address, struct text *text);
/* Appends what a holder is called: "thread 4243", "render() report.py:88". */
void tables_holder(struct tables *tables, uint32_t holder, struct text *text);

/* The classes of tables.def. */
#define TABLE(name, NAME, doc) extern const struct heap_table_class name##_table;
#define COLUMN(NAME, name, type, flags, doc)
#define END_TABLE(NAME)
#include "query/tables/tables.def"
#undef TABLE
#undef COLUMN
#undef END_TABLE

#endif
