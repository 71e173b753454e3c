/* SPDX-License-Identifier: MIT
 * sqlite_pages: rows appended to tables and indexes of an SQLite database, in ascending order, page by page as SQLite's
 * file format has them (sqlite.org/fileformat2.html, "B-tree Pages" and "Record Format"; the format is promised not to
 * change). SQLite's own INSERT and CREATE INDEX take four times as long, and a file of a heap is nothing but millions
 * of rows that come in order. Tables and indexes are made by SQLite, empty; this fills them, before anybody else opens
 * the file. */
#ifndef PYDS_EXPORT_SQLITE_PAGES_H
#define PYDS_EXPORT_SQLITE_PAGES_H

#include "export/writer.h"

enum {
	SQLITE_PAGE_BYTES = 16384,
	SQLITE_MOST_LEVELS = 16, /* of a tree; a page has at least four cells */
	SQLITE_MOST_COLUMNS = 64, /* of a record */
};

/* The end of the file, where pages are added. */
struct sqlite_pages {
	struct writer *writer; /* borrowed; its file is the database, and is at its end */
	uint32_t count; /* pages that the file has */
};

/* Columns of a row, in the order of the record. Zero-initialised is empty. */
struct sqlite_record {
	uint8_t header[SQLITE_MOST_COLUMNS * 9]; /* serial types */
	uint32_t header_bytes;
	bool failed; /* out of memory */
	size_t length, room; /* bytes in body, and for how many it has room */
	uint8_t *body;
};

enum sqlite_tree_kind { SQLITE_TREE_TABLE, SQLITE_TREE_INDEX };

struct sqlite_tree_page {
	uint8_t bytes[SQLITE_PAGE_BYTES];
	uint32_t cells, content; /* number, and where the first byte of the last one is */
	uint32_t last_bytes; /* of the last cell */
};

/* One table or index while it is filled: the right edge of its tree. */
struct sqlite_tree {
	struct sqlite_pages *pages;
	struct sqlite_tree_page *levels[SQLITE_MOST_LEVELS]; /* leaf first; NULL: not needed yet */
	uint32_t root; /* its page, that SQLite made */
	uint8_t kind; /* enum sqlite_tree_kind: index is a table WITHOUT ROWID too */
	int64_t last_row; /* SQLITE_TREE_TABLE: number of the last row */
};

/* Goes to the end of the file that writer has open: a database with pages of SQLITE_PAGE_BYTES, closed. */
int sqlite_pages_open(struct sqlite_pages *pages, struct writer *writer);
/* Tells the file how many pages it has. Trees are finished. */
int sqlite_pages_finish(struct sqlite_pages *pages);

void sqlite_record_clear(struct sqlite_record *record); /* to no columns */
void sqlite_record_null(struct sqlite_record *record);
void sqlite_record_integer(struct sqlite_record *record, int64_t integer);
void sqlite_record_text(struct sqlite_record *record, const char *bytes, size_t length);
void sqlite_record_free(struct sqlite_record *record);

int sqlite_tree_open(struct sqlite_tree *tree, struct sqlite_pages *pages, enum sqlite_tree_kind kind, uint32_t root);
/* Appends a row. row is its number in SQLITE_TREE_TABLE, and ignored in SQLITE_TREE_INDEX; rows come in the order of
 * their numbers, or of their records. */
int sqlite_tree_append(struct sqlite_tree *tree, int64_t row, const struct sqlite_record *record);
/* Writes what is open of it, the root last. A status. */
int sqlite_tree_finish(struct sqlite_tree *tree);
void sqlite_tree_close(struct sqlite_tree *tree);

#endif
