/* SPDX-License-Identifier: MIT
 * Pages of an SQLite file that we write: SQLite itself reads them, finds nothing wrong and every row as it was given.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "export/sqlite_pages.h"

enum { ROWS = 60000, LONGEST = 70000 };

static const char *const declaration =
        "PRAGMA page_size = 16384; PRAGMA journal_mode = off; CREATE TABLE t(a INTEGER PRIMARY KEY, b INTEGER, c TEXT);"
        "CREATE TABLE w(k INTEGER, n INTEGER, c TEXT, PRIMARY KEY(k, n)) WITHOUT ROWID; CREATE INDEX tc ON t(c);"
        "CREATE TABLE e(a)";

/* Text of row i: short, and now and then of several pages; sorted as i is. */
static size_t row_text(int i, char *bytes)
{
	size_t length = (size_t)sprintf(bytes, "%08d", i);
	const size_t wanted = i % 4001 == 0 ? LONGEST - 1 : i % 997 == 0 ? 4000 + (size_t)i % 400 : (size_t)i % 40;
	for (; length < wanted; length++)
		bytes[length] = (char)('a' + length % 26);
	bytes[length] = '\0';
	return length;
}

/* Numbers of every width, both signs. */
static int64_t row_number(int i)
{
	const uint64_t bits = UINT64_C(0x9e3779b97f4a7c15) * (uint64_t)(i + 1) >> i % 64;
	return i % 2 ? (int64_t)bits : -(int64_t)(bits >> 1);
}

static void execute(sqlite3 *database, const char *statement)
{
	assert_int_equal(sqlite3_exec(database, statement, NULL, NULL, NULL), SQLITE_OK);
}

static int64_t ask(sqlite3 *database, const char *statement)
{
	sqlite3_stmt *rows;
	assert_int_equal(sqlite3_prepare_v2(database, statement, -1, &rows, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(rows), SQLITE_ROW);
	const int64_t number = sqlite3_column_int64(rows, 0);
	sqlite3_finalize(rows);
	return number;
}

struct file {
	char path[64];
	struct error error;
	struct writer writer;
	struct sqlite_pages pages;
	uint32_t roots[4]; /* t, w, tc, e */
};

static void open_file(struct file *file)
{
	static const char *const roots[] = { "t", "w", "tc", "e" };
	sqlite3 *database;
	char statement[120];
	memset(file, 0, sizeof *file);
	snprintf(file->path, sizeof file->path, "/tmp/pydeepsize-pages-%d", (int)getpid());
	assert_int_equal(writer_open(&file->writer, file->path, true, &file->error), OK);
	assert_int_equal(sqlite3_open(file->writer.unfinished, &database), SQLITE_OK);
	execute(database, declaration);
	for (int i = 0; i < 4; i++) {
		snprintf(statement, sizeof statement, "SELECT rootpage FROM sqlite_master WHERE name = '%s'", roots[i]);
		file->roots[i] = (uint32_t)ask(database, statement);
	}
	sqlite3_close(database);
}

static void fill(struct file *file, int which, int rows)
{
	static char text[LONGEST];
	struct sqlite_record record = { .body = NULL };
	struct sqlite_tree tree;
	const enum sqlite_tree_kind kind = which == 0 || which == 3 ? SQLITE_TREE_TABLE : SQLITE_TREE_INDEX;
	assert_int_equal(sqlite_tree_open(&tree, &file->pages, kind, file->roots[which]), OK);
	for (int i = 0; i < rows; i++) {
		const size_t length = row_text(i, text);
		sqlite_record_clear(&record);
		if (which == 2) { /* index of t by its text */
			sqlite_record_text(&record, text, length);
			sqlite_record_integer(&record, i * INT64_C(1000));
		} else {
			if (which == 0)
				sqlite_record_null(&record);
			else
				sqlite_record_integer(&record, i / 7);
			sqlite_record_integer(&record, which == 0 ? row_number(i) : i);
			sqlite_record_text(&record, text, length);
		}
		assert_int_equal(sqlite_tree_append(&tree, i * INT64_C(1000), &record), OK);
	}
	assert_int_equal(sqlite_tree_finish(&tree), OK);
	sqlite_tree_close(&tree);
	sqlite_record_free(&record);
}

static void close_file(struct file *file)
{
	uint64_t bytes;
	assert_int_equal(sqlite_pages_finish(&file->pages), OK);
	assert_int_equal(writer_end(&file->writer, OK, &bytes), OK);
	assert_int_equal(bytes, (uint64_t)file->pages.count * SQLITE_PAGE_BYTES);
}

static void compare(sqlite3 *database, const char *statement, int rows, int64_t (*number)(int i))
{
	static char text[LONGEST];
	sqlite3_stmt *found;
	assert_int_equal(sqlite3_prepare_v2(database, statement, -1, &found, NULL), SQLITE_OK);
	for (int i = 0; i < rows; i++) {
		const size_t length = row_text(i, text);
		assert_int_equal(sqlite3_step(found), SQLITE_ROW);
		assert_true(sqlite3_column_int64(found, 0) == number(i));
		assert_int_equal(sqlite3_column_bytes(found, 1), length);
		assert_string_equal((const char *)sqlite3_column_text(found, 1), text);
	}
	assert_int_equal(sqlite3_step(found), SQLITE_DONE);
	sqlite3_finalize(found);
}

static int64_t seventh(int i)
{
	return i / 7;
}

static void sqlite_finds_every_row_and_nothing_wrong(void **state)
{
	(void)state;
	struct file file;
	sqlite3 *database;
	sqlite3_stmt *check;
	open_file(&file);
	assert_int_equal(sqlite_pages_open(&file.pages, &file.writer), OK);
	fill(&file, 0, ROWS);
	fill(&file, 1, ROWS);
	fill(&file, 2, ROWS);
	fill(&file, 3, 0);
	close_file(&file);
	assert_int_equal(sqlite3_open(file.path, &database), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(database, "PRAGMA integrity_check", -1, &check, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(check), SQLITE_ROW);
	assert_string_equal((const char *)sqlite3_column_text(check, 0), "ok");
	sqlite3_finalize(check);
	compare(database, "SELECT b, c FROM t ORDER BY a", ROWS, row_number);
	compare(database, "SELECT k, c FROM w ORDER BY k, n", ROWS, seventh);
	assert_int_equal(ask(database, "SELECT a FROM t INDEXED BY tc WHERE c = (SELECT c FROM w WHERE k = 571 AND n = "
	                               "4001)"),
	                 4001000);
	assert_int_equal(ask(database, "SELECT count(*) FROM e"), 0);
	/* It can be written on. */
	execute(database, "INSERT INTO t VALUES (-5, 1, 'x'); DELETE FROM w WHERE k BETWEEN 100 AND 5000; VACUUM");
	assert_int_equal(ask(database, "SELECT count(*) FROM t"), ROWS + 1);
	sqlite3_close(database);
	unlink(file.path);
}

/* The page with the byte at 1 GiB belongs to SQLite's locks. */
static void the_page_of_locks_is_left_out(void **state)
{
	(void)state;
	const uint32_t lock_page = (1 << 30) / SQLITE_PAGE_BYTES + 1;
	struct file file;
	sqlite3 *database;
	open_file(&file);
	assert_int_equal(ftruncate(file.writer.fd, (off_t)(lock_page - 3) * SQLITE_PAGE_BYTES), 0); /* a hole */
	assert_int_equal(sqlite_pages_open(&file.pages, &file.writer), OK);
	fill(&file, 0, 9000); /* pages of long texts before it and behind it */
	close_file(&file);
	assert_true(file.pages.count > lock_page + 10);
	assert_int_equal(sqlite3_open(file.path, &database), SQLITE_OK);
	compare(database, "SELECT b, c FROM t ORDER BY a", 9000, row_number);
	sqlite3_close(database);
	unlink(file.path);
}

static void a_tree_without_a_page_is_an_error(void **state)
{
	(void)state;
	struct file file;
	struct sqlite_tree tree;
	open_file(&file);
	assert_int_equal(sqlite_pages_open(&file.pages, &file.writer), OK);
	assert_int_equal(sqlite_tree_open(&tree, &file.pages, SQLITE_TREE_TABLE, 0), ERROR_IO);
	assert_int_equal(sqlite_tree_open(&tree, &file.pages, SQLITE_TREE_TABLE, 1000), ERROR_IO);
	writer_abandon(&file.writer);
	unlink(file.path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sqlite_finds_every_row_and_nothing_wrong),
		cmocka_unit_test(the_page_of_locks_is_left_out),
		cmocka_unit_test(a_tree_without_a_page_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
