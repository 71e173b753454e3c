/* SPDX-License-Identifier: MIT
 * arrow: the rows of an SQL answer as columns in memory, for programs that take them over without a copy through the
 * Arrow C data and stream interfaces (format of the structs and of the buffers: Apache Arrow, "The Arrow C data
 * interface", version 1). One batch. Addresses are uint64, sizes and numbers int64, truth values bool, text large_utf8;
 * a column of an expression is what its cells are: int64, float64 where one has a fraction, large_utf8 where one is
 * text. */
#ifndef PYDS_EXPORT_ARROW_H
#define PYDS_EXPORT_ARROW_H

#include "query/sql/sql.h"

/* struct ArrowSchema, struct ArrowArray and struct ArrowArrayStream of the interface. */
struct arrow_schema {
	const char *format, *name, *metadata;
	int64_t flags, child_count;
	struct arrow_schema **children, *dictionary;
	void (*release)(struct arrow_schema *schema);
	void *private_data;
};

struct arrow_array {
	int64_t length, null_count, offset, buffer_count, child_count;
	const void **buffers;
	struct arrow_array **children, *dictionary;
	void (*release)(struct arrow_array *array);
	void *private_data;
};

struct arrow_stream {
	int (*get_schema)(struct arrow_stream *stream, struct arrow_schema *ret_schema); /* 0 or an errno */
	int (*get_next)(struct arrow_stream *stream, struct arrow_array *ret_array);
	const char *(*get_last_error)(struct arrow_stream *stream);
	void (*release)(struct arrow_stream *stream);
	void *private_data;
};

struct arrow_rows;

/* NULL: out of memory. error is borrowed until arrow_give(). */
struct arrow_rows *arrow_create(struct error *error);
void arrow_destroy(struct arrow_rows *rows); /* NULL is fine */
/* What gathers the rows of an answer. */
struct sql_reader arrow_reader(struct arrow_rows *rows);
/* The rows are the stream's from now on, and whoever has the stream calls its release. */
void arrow_give(struct arrow_rows *rows, struct arrow_stream *ret_stream);

#endif
