/* SPDX-License-Identifier: MIT
 * export: files that other programs open. One file a format; formats.def is the list. What is exported is the graph
 * that retained sizes were computed from, so that other programs find the same numbers. Contents of the process are in
 * no file unless names.show_values says so. */
#ifndef PYDS_EXPORT_EXPORT_H
#define PYDS_EXPORT_EXPORT_H

#include "export/writer.h"
#include "query/tables/open_tables.h"

enum export_tree { EXPORT_TREE_DOMINATOR, EXPORT_TREE_PATH };
enum export_shown { EXPORT_SHOW_PATH, EXPORT_SHOW_REFERRERS, EXPORT_SHOW_REACHED };

struct export_options {
	const char *path; /* of the file */
	bool force; /* a file that is there is overwritten */
	bool hide_names; /* names of the program become numbers that mean nothing */
	bool collapse_leaves; /* what one object alone refers to and refers to nothing is counted as a part of it */
	uint64_t min_retained; /* bytes: what retains less is summed up under the object that keeps it alive */
	enum export_tree tree; /* of profiles */
	const char *table; /* of formats with one table; NULL: object */
	const char *statement; /* of these: SQL whose answer is written instead; NULL */
	const uint64_t *targets; /* addresses, of formats that show a few objects */
	size_t target_count;
	enum export_shown shown; /* of these: what about the targets */
};

struct export
{
	struct tables *tables;
	const struct export_options *options;
	struct writer writer;
	struct error *error;
};

/* What else may be named after the file. */
enum export_operands { EXPORT_OF_ALL, EXPORT_OF_TARGETS, EXPORT_OF_STATEMENT, EXPORT_OF_COMMANDS, EXPORT_OF_LATER };

struct export_format {
	const char *name; /* "heapsnapshot" */
	const char *endings; /* of file names, separated by blanks */
	const char *doc;
	/* Writes the whole file to export->writer, which is open. A status. NULL: report/export.c knows who does. */
	int (*write)(struct export *export);
	enum export_operands operands;
};

/* The index-th format; NULL after the last. */
const struct export_format *export_format_at(uint32_t index);
/* By its name, or by the ending of a file's name where name is NULL. NULL: none. */
const struct export_format *export_format_find(const char *name, const char *path);

/* Writes one file. tables are those of the target; borrowed. *ret_bytes: of the file. On failure there is none. */
int export_run(const struct export_format *format, struct tables *tables, const struct export_options *options,
               uint64_t *ret_bytes, struct error *error);

/* The formats: name, function (export_<id>), endings, what it is for. */
#define FORMAT(id, operands, endings, doc) int export_##id(struct export *export);
#define PAGE(id, operands, endings, doc)
#include "export/formats.def"
#undef FORMAT
#undef PAGE

#endif
