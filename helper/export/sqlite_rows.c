/* SPDX-License-Identifier: MIT */
#include "export/sqlite_rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "export/hidden_name.h"
#include "export/rows.h"
#include "export/sqlite_pages.h"

const char *const sqlite_rows_trees[TREES] = {
	[TREE_OBJECT] = "object",
	[TREE_OBJECT_TYPE] = "object_type",
	[TREE_OBJECT_DOMINATOR] = "object_dominator",
	[TREE_REFERENCE] = "reference",
	[TREE_REFERENCE_TARGET] = "reference_target",
};

struct type_name {
	char *name;
	uint32_t type; /* type_info.index */
};

/* A reference, by the numbers of the objects. */
struct slot {
	uint32_t source, target;
};

/* What the indexes need of the rows. */
struct sqlite_rows {
	struct export *export;
	struct tables *tables;
	struct sqlite_pages pages;
	struct sqlite_record record; /* the one being made */
	uint64_t *addresses; /* by object */
	uint32_t object_count; /* of which the row is written */
	uint32_t source; /* of the last reference */
	ARRAY(struct slot) slots; /* by row of references */
	ARRAY(struct type_name) names;
};

bool sqlite_rows_has(const struct heap_table *table)
{
	return strcmp(table->name, "object") == 0 || strcmp(table->name, "reference") == 0;
}

void sqlite_rows_declare(const struct heap_table *table, struct text *statement)
{
	const bool is_object = strcmp(table->name, "object") == 0;
	text_format(statement, "CREATE TABLE file.\"%s\"(", table->name);
	for (uint32_t i = 0; i < table->column_count; i++) {
		if (!rows_keep_column(table, i))
			continue;
		text_format(statement, "%s\"%s\" %s", i > 0 ? ", " : "", table->columns[i].name,
		            table->columns[i].type == COLUMN_TEXT ? "TEXT" : "INTEGER");
		if (is_object && i == OBJECT_address)
			text_add(statement, " PRIMARY KEY");
		if (!is_object && i == REFERENCE_source)
			text_add(statement, ", \"slot\" INTEGER");
	}
	/* Objects are found by their address and references by their source: these are the order of the rows
	 * themselves, which is the order they come in, so that neither takes an index of its own. */
	text_add(statement, is_object ? "); CREATE INDEX file.object_type ON object(type);"
	                                "CREATE INDEX file.object_dominator ON object(dominator)"
	                              : ", PRIMARY KEY(source, slot)) WITHOUT ROWID;"
	                                "CREATE INDEX file.reference_target ON reference(target)");
}

static int no_memory(const struct sqlite_rows *rows)
{
	return error_set(rows->export->error, ERROR_NO_MEMORY, "out of memory for the database");
}

/* Adds the cell to the record. */
static void put_cell(struct sqlite_rows *rows, const struct cell *cell, bool is_name)
{
	if (cell->kind == CELL_INTEGER) {
		sqlite_record_integer(&rows->record, cell->integer);
	} else if (cell->kind != CELL_TEXT) {
		sqlite_record_null(&rows->record);
	} else if (is_name && rows->export->options->hide_names) {
		struct text hidden = { .bytes = NULL };
		hidden_name(rows->tables, cell->text, cell->length, &hidden);
		sqlite_record_text(&rows->record, text_string(&hidden), hidden.length);
		rows->record.failed |= hidden.failed;
		text_free(&hidden);
	} else {
		sqlite_record_text(&rows->record, cell->text, cell->length);
	}
}

/* ---- Tables ---- */

/* One row: the address is the number of the row itself, and NULL in its record. */
static int put_object(struct sqlite_rows *rows, const struct heap_table *table, struct table_cursor *cursor,
                      struct sqlite_tree *tree)
{
	struct cell cell = { .kind = CELL_NULL };
	TRY(table->class->cell(cursor, OBJECT_address, &cell));
	const int64_t address = cell.integer;
	sqlite_record_clear(&rows->record);
	sqlite_record_null(&rows->record);
	for (uint32_t i = OBJECT_address + 1; i < table->column_count; i++) {
		if (i == OBJECT_name) /* rows_keep_column() */
			continue;
		cell = (struct cell){ .kind = CELL_NULL };
		TRY(table->class->cell(cursor, i, &cell));
		put_cell(rows, &cell, column_is_name(&table->columns[i]));
	}
	if (rows->object_count < tables_object_count(rows->tables))
		rows->addresses[rows->object_count++] = (uint64_t)address;
	return sqlite_tree_append(tree, address, &rows->record);
}

/* The object that a reference comes from: they come in the order of objects. */
static uint32_t source_of(struct sqlite_rows *rows, uint64_t address)
{
	while (rows->source + 1 < rows->object_count && rows->addresses[rows->source] < address)
		rows->source++;
	return rows->source;
}

static int put_reference(struct sqlite_rows *rows, const struct heap_table *table, struct table_cursor *cursor,
                         struct sqlite_tree *tree)
{
	struct sqlite_record *record = &rows->record;
	struct cell source, target, cell;
	TRY(table->class->cell(cursor, REFERENCE_source, &source));
	TRY(table->class->cell(cursor, REFERENCE_target, &target));
	const uint32_t object = tables_find(rows->tables, (uint64_t)target.integer);
	const struct slot slot = { source_of(rows, (uint64_t)source.integer), object };
	if (object >= rows->object_count || rows->slots.count == UINT32_MAX - 1)
		return error_set(rows->export->error, ERROR_LIMIT,
		                 "more references than an SQLite file of ours has; export them as CSV");
	if (!array_push(&rows->slots, slot))
		return no_memory(rows);
	sqlite_record_clear(record);
	sqlite_record_integer(record, source.integer);
	sqlite_record_integer(record, (int64_t)rows->slots.count);
	sqlite_record_integer(record, target.integer);
	for (uint32_t i = REFERENCE_target + 1; i < table->column_count; i++) {
		cell = (struct cell){ .kind = CELL_NULL };
		TRY(table->class->cell(cursor, i, &cell));
		put_cell(rows, &cell, column_is_name(&table->columns[i]));
	}
	return sqlite_tree_append(tree, 0, record);
}

static int put_table(struct sqlite_rows *rows, const char *name, struct sqlite_tree *tree)
{
	const struct heap_table *table = heap_table_find(name);
	const bool is_object = tree->kind == SQLITE_TREE_TABLE;
	const struct scan scan = { .access = ACCESS_ALL, .columns = SCAN_ALL_COLUMNS };
	struct table_cursor *cursor = NULL;
	int found, status = table->class->open(&cursor, rows->tables, &scan);
	while (status == OK && (found = table->class->next(cursor)) != 0)
		status = found < 0   ? found
		         : is_object ? put_object(rows, table, cursor, tree)
		                     : put_reference(rows, table, cursor, tree);
	if (cursor != NULL)
		table->class->close(cursor);
	return status;
}

/* ---- Indexes ---- */

/* Positions in ascending order of their keys, which are below key_count; those of one key in their own order. NULL:
 * out of memory. */
static uint32_t *sort_by_key(const uint32_t *keys, size_t stride, size_t count, uint32_t key_count)
{
	uint32_t *first = calloc((size_t)key_count + 1, sizeof *first);
	uint32_t *order = malloc((count + 1) * sizeof *order);
	if (first == NULL || order == NULL) {
		free(first);
		free(order);
		return NULL;
	}
	for (size_t i = 0; i < count; i++)
		first[keys[i * stride] + 1]++;
	for (uint32_t key = 0; key < key_count; key++)
		first[key + 1] += first[key];
	for (size_t i = 0; i < count; i++)
		order[first[keys[i * stride]]++] = (uint32_t)i;
	free(first);
	return order;
}

/* Adds what a key stands for; 0: NULL. */
typedef void (*put_key)(struct sqlite_rows *rows, uint32_t key);

static void put_address_key(struct sqlite_rows *rows, uint32_t key)
{
	if (key == 0)
		sqlite_record_null(&rows->record);
	else
		sqlite_record_integer(&rows->record, (int64_t)rows->addresses[key - 1]);
}

static void put_type_key(struct sqlite_rows *rows, uint32_t key)
{
	if (key == 0)
		sqlite_record_null(&rows->record);
	else
		sqlite_record_text(&rows->record, rows->names.items[key - 1].name,
		                   strlen(rows->names.items[key - 1].name));
}

/* An index of objects: a key of each, key_count in all. */
static int put_object_index(struct sqlite_rows *rows, struct sqlite_tree *tree, const uint32_t *keys,
                            uint32_t key_count, put_key put)
{
	uint32_t *order = sort_by_key(keys, 1, rows->object_count, key_count);
	int status = order != NULL ? OK : no_memory(rows);
	for (uint32_t i = 0; status == OK && i < rows->object_count; i++) {
		sqlite_record_clear(&rows->record);
		put(rows, keys[order[i]]);
		sqlite_record_integer(&rows->record, (int64_t)rows->addresses[order[i]]);
		status = sqlite_tree_append(tree, 0, &rows->record);
		if (status == OK)
			status = tables_check(rows->tables, i + 1);
	}
	free(order);
	return status;
}

static int put_dominator_index(struct sqlite_rows *rows, struct sqlite_tree *tree)
{
	const struct dominators *dominators = &rows->tables->heap->dominators;
	uint32_t *keys = calloc((size_t)rows->object_count + 1, sizeof *keys);
	if (keys == NULL)
		return no_memory(rows);
	for (uint32_t i = 0; i < rows->object_count; i++) {
		const uint32_t number = dominators->number[i];
		const uint32_t node = number != UINT32_MAX ? dominators->node[dominators->idom[number]] : UINT32_MAX;
		keys[i] = node < rows->object_count ? node + 1 : 0;
	}
	int status = put_object_index(rows, tree, keys, rows->object_count + 1, put_address_key);
	free(keys);
	return status;
}

static int compare_names(const void *left, const void *right)
{
	return strcmp(((const struct type_name *)left)->name, ((const struct type_name *)right)->name);
}

/* The names of all types as they stand in the table, in their order. */
static int collect_names(struct sqlite_rows *rows)
{
	const struct type_table *types = &rows->tables->query.target->context->types;
	for (uint32_t i = 0; i < types->count; i++) {
		const char *name = types->items[i]->name;
		struct text text = { .bytes = NULL };
		if (rows->export->options->hide_names)
			hidden_name(rows->tables, name, strlen(name), &text);
		else
			text_add(&text, name);
		const struct type_name named = { text.bytes != NULL ? text.bytes : strdup(""), i };
		if (text.failed || named.name == NULL || !array_push(&rows->names, named)) {
			free(named.name);
			return no_memory(rows);
		}
	}
	qsort(rows->names.items, rows->names.count, sizeof *rows->names.items, compare_names);
	return OK;
}

static int put_type_index(struct sqlite_rows *rows, struct sqlite_tree *tree)
{
	TRY(collect_names(rows));
	uint32_t *keys = calloc((size_t)rows->object_count + 1, sizeof *keys);
	uint32_t *ranks = calloc(rows->names.count + 1, sizeof *ranks);
	int status = keys != NULL && ranks != NULL ? OK : no_memory(rows);
	uint32_t rank = 0;
	/* Types of one name have one rank: their objects are in the order of their addresses together. */
	for (uint32_t i = 0; status == OK && i < rows->names.count; i++) {
		if (i == 0 || strcmp(rows->names.items[i - 1].name, rows->names.items[i].name) != 0)
			rank = i + 1;
		ranks[rows->names.items[i].type] = rank;
	}
	for (uint32_t i = 0; status == OK && i < rows->object_count; i++) {
		const struct type_info *type = tables_type(rows->tables, i);
		keys[i] = type != NULL && type->index < rows->names.count ? ranks[type->index] : 0;
	}
	if (status == OK)
		status = put_object_index(rows, tree, keys, (uint32_t)rows->names.count + 1, put_type_key);
	free(keys);
	free(ranks);
	return status;
}

static int put_target_index(struct sqlite_rows *rows, struct sqlite_tree *tree)
{
	const struct slot *slots = rows->slots.items;
	if (rows->slots.count == 0)
		return OK;
	uint32_t *order = sort_by_key(&slots[0].target, sizeof *slots / sizeof slots[0].target, rows->slots.count,
	                              rows->object_count);
	int status = order != NULL ? OK : no_memory(rows);
	for (size_t i = 0; status == OK && i < rows->slots.count; i++) {
		const struct slot *slot = &slots[order[i]];
		sqlite_record_clear(&rows->record);
		sqlite_record_integer(&rows->record, (int64_t)rows->addresses[slot->target]);
		sqlite_record_integer(&rows->record, (int64_t)rows->addresses[slot->source]);
		sqlite_record_integer(&rows->record, (int64_t)order[i] + 1);
		status = sqlite_tree_append(tree, 0, &rows->record);
		if (status == OK)
			status = tables_check(rows->tables, i + 1);
	}
	free(order);
	return status;
}

static int put_tree(struct sqlite_rows *rows, enum sqlite_rows_tree which, struct sqlite_tree *tree)
{
	switch (which) {
	case TREE_OBJECT_TYPE:
		return put_type_index(rows, tree);
	case TREE_OBJECT_DOMINATOR:
		return put_dominator_index(rows, tree);
	case TREE_REFERENCE_TARGET:
		return put_target_index(rows, tree);
	default:
		return put_table(rows, sqlite_rows_trees[which], tree);
	}
}

static void clear_rows(struct sqlite_rows *rows)
{
	for (size_t i = 0; i < rows->names.count; i++)
		free(rows->names.items[i].name);
	array_free(&rows->names);
	array_free(&rows->slots);
	free(rows->addresses);
	sqlite_record_free(&rows->record);
}

int sqlite_rows_write(struct export *export, const uint32_t roots[TREES])
{
	struct sqlite_rows rows = { .export = export, .tables = export->tables };
	TRY(sqlite_pages_open(&rows.pages, &export->writer));
	rows.addresses = malloc(((size_t)tables_object_count(export->tables) + 1) * sizeof *rows.addresses);
	int status = rows.addresses != NULL && array_reserve(&rows.slots, export->tables->heap->graph->edge_count)
	                     ? OK
	                     : no_memory(&rows);
	for (int which = 0; status == OK && which < TREES; which++) {
		const enum sqlite_tree_kind kind = which == TREE_OBJECT ? SQLITE_TREE_TABLE : SQLITE_TREE_INDEX;
		struct sqlite_tree tree;
		status = sqlite_tree_open(&tree, &rows.pages, kind, roots[which]);
		if (status == OK)
			status = put_tree(&rows, (enum sqlite_rows_tree)which, &tree);
		if (status == OK)
			status = sqlite_tree_finish(&tree);
		sqlite_tree_close(&tree);
	}
	if (status == OK)
		status = sqlite_pages_finish(&rows.pages);
	clear_rows(&rows);
	return status;
}
