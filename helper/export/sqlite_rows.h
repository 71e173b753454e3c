/* SPDX-License-Identifier: MIT
 * sqlite_rows: the tables of an SQLite file that have a row for every object and every reference, with their indexes.
 */
#ifndef PYDS_EXPORT_SQLITE_ROWS_H
#define PYDS_EXPORT_SQLITE_ROWS_H

#include "export/export.h"

/* Trees of the file, in the order of their names in sqlite_rows_trees. */
enum sqlite_rows_tree {
	TREE_OBJECT,
	TREE_OBJECT_TYPE,
	TREE_OBJECT_DOMINATOR,
	TREE_REFERENCE,
	TREE_REFERENCE_TARGET,
	TREES
};
extern const char *const sqlite_rows_trees[TREES];

/* Whether a table is one of the two. */
bool sqlite_rows_has(const struct heap_table *table);
/* The statement that makes such a table and its indexes, for SQLite to make them empty. */
void sqlite_rows_declare(const struct heap_table *table, struct text *statement);
/* Fills them. roots: the page of each tree. Nobody has the file open. */
int sqlite_rows_write(struct export *export, const uint32_t roots[TREES]);

#endif
