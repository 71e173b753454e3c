/* SPDX-License-Identifier: MIT
 * arrow: rows become columns of the kind that all their cells fit into; whoever takes parts of a batch frees them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "export/arrow.h"

static const struct sql_column columns[] = {
	{ .name = "address", .type = COLUMN_ADDRESS },
	{ .name = "flag", .type = COLUMN_BOOLEAN },
	{ .name = "name", .type = COLUMN_TEXT },
	{ .name = "mixed", .type = COLUMN_INTEGER, .is_expression = true },
	{ .name = "half", .type = COLUMN_INTEGER, .is_expression = true },
	{ .name = "nothing", .type = COLUMN_INTEGER, .is_expression = true },
};
enum { COLUMNS = sizeof columns / sizeof columns[0], ROWS = 21 };

static struct cell text_cell(const char *text, uint8_t kind)
{
	return (struct cell){ .kind = kind, .text = text, .length = strlen(text) };
}

/* Row i: address i, flag i odd, name of three kinds, mixed text in the last row only, half a fraction in row 5. */
static struct arrow_rows *fill(struct error *error)
{
	struct arrow_rows *rows = arrow_create(error);
	const struct sql_reader reader = arrow_reader(rows);
	assert_int_equal(reader.begin(reader.context, columns, COLUMNS), 0);
	for (int64_t i = 0; i < ROWS; i++) {
		const struct cell cells[COLUMNS] = {
			{ .kind = CELL_INTEGER, .integer = i },
			{ .kind = CELL_INTEGER, .integer = i % 2 },
			i % 3 == 0 ? (struct cell){ .kind = CELL_NULL }
			           : text_cell(i % 3 == 1 ? "é" : "a\xff", CELL_TEXT),
			i == ROWS - 1 ? text_cell("last", CELL_TEXT)
			              : (struct cell){ .kind = CELL_INTEGER, .integer = -i },
			i == 5 ? text_cell("2.5", CELL_REAL) : (struct cell){ .kind = CELL_INTEGER, .integer = i },
			{ .kind = CELL_NULL },
		};
		assert_int_equal(reader.row(reader.context, cells, COLUMNS), 0);
	}
	return rows;
}

static void check_text(const struct arrow_array *array, size_t row, const char *expected)
{
	const int64_t *offsets = array->buffers[1];
	const char *bytes = array->buffers[2];
	assert_int_equal(offsets[row + 1] - offsets[row], strlen(expected));
	assert_memory_equal(bytes + offsets[row], expected, strlen(expected));
}

static void check_schema(struct arrow_stream *stream)
{
	static const char *const formats[COLUMNS] = { "L", "b", "U", "U", "g", "l" };
	struct arrow_schema schema;
	assert_int_equal(stream->get_schema(stream, &schema), 0);
	assert_string_equal(schema.format, "+s");
	assert_int_equal(schema.child_count, COLUMNS);
	for (int i = 0; i < COLUMNS; i++) {
		assert_string_equal(schema.children[i]->format, formats[i]);
		assert_string_equal(schema.children[i]->name, columns[i].name);
	}
	schema.release(&schema);
	assert_null(schema.release);
}

static void check_batch(const struct arrow_array *batch)
{
	const uint8_t *flags = batch->children[1]->buffers[1], *validity = batch->children[2]->buffers[0];
	assert_int_equal(batch->length, ROWS);
	assert_int_equal(((const uint64_t *)batch->children[0]->buffers[1])[20], 20);
	assert_null(batch->children[0]->buffers[0]);
	assert_int_equal(flags[0], 0xaa);
	assert_int_equal(batch->children[2]->null_count, 7);
	assert_int_equal(validity[0], 0xb6);
	check_text(batch->children[2], 1, "é");
	check_text(batch->children[2], 2, "a?");
	check_text(batch->children[3], 7, "-7");
	check_text(batch->children[3], ROWS - 1, "last");
	assert_true(((const double *)batch->children[4]->buffers[1])[4] == 4.0);
	assert_true(((const double *)batch->children[4]->buffers[1])[5] == 2.5);
	assert_true(((const double *)batch->children[4]->buffers[1])[6] == 6.0);
	assert_int_equal(batch->children[5]->null_count, ROWS);
}

static void test_rows_become_columns(void **state)
{
	struct error error = { 0 };
	struct arrow_stream stream;
	struct arrow_array batch, end, moved;
	(void)state;
	arrow_give(fill(&error), &stream);
	check_schema(&stream);
	assert_int_equal(stream.get_next(&stream, &batch), 0);
	check_batch(&batch);
	check_schema(&stream);
	assert_int_equal(stream.get_next(&stream, &end), 0);
	assert_null(end.release);
	stream.release(&stream);
	/* A part that was moved out outlives its batch and the stream. */
	moved = *batch.children[2];
	batch.children[2]->release = NULL;
	batch.release(&batch);
	check_text(&moved, 4, "é");
	moved.release(&moved);
	assert_null(moved.release);
}

static void test_what_nobody_takes_is_freed(void **state)
{
	struct error error = { 0 };
	struct arrow_stream stream;
	(void)state;
	arrow_destroy(NULL);
	arrow_destroy(fill(&error));
	arrow_give(fill(&error), &stream);
	stream.release(&stream);
	assert_null(stream.release);
}

static void test_no_rows_and_no_columns(void **state)
{
	struct error error = { 0 };
	struct arrow_stream stream;
	struct arrow_array batch;
	(void)state;
	struct arrow_rows *rows = arrow_create(&error);
	const struct sql_reader reader = arrow_reader(rows);
	assert_int_equal(reader.begin(reader.context, columns, 3), 0);
	arrow_give(rows, &stream);
	assert_int_equal(stream.get_next(&stream, &batch), 0);
	assert_int_equal(batch.length, 0);
	assert_int_equal(batch.child_count, 3);
	batch.release(&batch);
	stream.release(&stream);
	arrow_give(arrow_create(&error), &stream); /* no statement began */
	assert_int_equal(stream.get_next(&stream, &batch), 0);
	batch.release(&batch);
	stream.release(&stream);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_become_columns),
		cmocka_unit_test(test_what_nobody_takes_is_freed),
		cmocka_unit_test(test_no_rows_and_no_columns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
