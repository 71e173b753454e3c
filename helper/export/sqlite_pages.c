/* SPDX-License-Identifier: MIT */
#include "export/sqlite_pages.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"

enum {
	INTERIOR_INDEX = 2,
	INTERIOR_TABLE = 5,
	LEAF_INDEX = 10,
	LEAF_TABLE = 13,
	LEAF_HEADER = 8, /* bytes */
	INTERIOR_HEADER = 12, /* with the page right of all cells */
	POINTER_BYTES = 2, /* of a cell, after the header */
	PAGE_NUMBER_BYTES = 4,
	VARINT_BYTES = 9, /* at most */
	/* How much of a record stands in the tree's page; what is more goes to pages of its own. */
	MOST_LOCAL_TABLE = SQLITE_PAGE_BYTES - 35,
	MOST_LOCAL_INDEX = (SQLITE_PAGE_BYTES - 12) * 64 / 255 - 23,
	LEAST_LOCAL = (SQLITE_PAGE_BYTES - 12) * 32 / 255 - 23,
	OVERFLOW_BYTES = SQLITE_PAGE_BYTES - PAGE_NUMBER_BYTES, /* of a record in a page of its own */
	CELL_BYTES = MOST_LOCAL_TABLE + 2 * VARINT_BYTES + PAGE_NUMBER_BYTES, /* at most */
	PAGE_COUNT_OFFSET = 28, /* in the file's header */
	CHANGE_COUNTER_OFFSET = 24,
	COUNT_VALID_FOR_OFFSET = 92, /* the change counter that the page count belongs to */
};
/* The page that has this byte of the file is left out: SQLite's locks are there. */
#define LOCK_BYTE (UINT32_C(1) << 30)

/* The lowest 1 to 8 bytes of a number, the highest of them first. */
static void store_be(uint8_t *place, uint64_t number, uint32_t bytes)
{
	const uint64_t ordered = htobe64(number << 8 * (8 - bytes));
	memcpy(place, &ordered, bytes);
}

/* SQLite's varint: seven bits a byte, the highest first; a ninth byte has eight. */
static uint32_t store_varint(uint8_t *place, uint64_t number)
{
	uint32_t bytes = 1;
	while (bytes < VARINT_BYTES && number >> 7 * bytes != 0)
		bytes++;
	if (bytes == VARINT_BYTES) {
		place[8] = (uint8_t)number;
		for (uint32_t i = 0; i < 8; i++)
			place[i] = (uint8_t)(number >> (8 + 7 * (7 - i)) | 0x80);
		return bytes;
	}
	for (uint32_t i = 0; i < bytes; i++)
		place[i] = (uint8_t)((number >> 7 * (bytes - 1 - i) & 0x7f) | (i + 1 < bytes ? 0x80 : 0));
	return bytes;
}

/* ---- Records ---- */

void sqlite_record_clear(struct sqlite_record *record)
{
	record->header_bytes = 0;
	record->length = 0;
}

void sqlite_record_free(struct sqlite_record *record)
{
	free(record->body);
}

/* A place for bytes of the body; NULL: out of memory. */
static inline uint8_t *extend(struct sqlite_record *record, size_t bytes)
{
	if (__builtin_expect(record->room - record->length < bytes, 0) &&
	    !array_grow((void **)&record->body, &record->room, 1, record->length + bytes)) {
		record->failed = true;
		return NULL;
	}
	record->length += bytes;
	return record->body + (record->length - bytes);
}

static void add_type(struct sqlite_record *record, uint64_t type)
{
	if (record->header_bytes + VARINT_BYTES > sizeof record->header)
		record->failed = true;
	else if (type < 0x80)
		record->header[record->header_bytes++] = (uint8_t)type;
	else
		record->header_bytes += store_varint(record->header + record->header_bytes, type);
}

void sqlite_record_null(struct sqlite_record *record)
{
	add_type(record, 0);
}

void sqlite_record_integer(struct sqlite_record *record, int64_t integer)
{
	/* Serial types and their bytes, by the bits that a number takes beside its sign, divided by eight. */
	static const uint8_t types[] = { 1, 2, 3, 4, 5, 5, 6, 6 }, widths[] = { 1, 2, 3, 4, 6, 6, 8, 8 };
	if (integer == 0 || integer == 1) {
		add_type(record, integer == 0 ? 8 : 9);
		return;
	}
	const uint64_t magnitude = integer < 0 ? ~(uint64_t)integer : (uint64_t)integer;
	const uint32_t bits = 64 - (uint32_t)__builtin_clzll(magnitude | 1);
	const uint32_t width = widths[bits / 8];
	const uint64_t ordered = htobe64((uint64_t)integer << 8 * (8 - width));
	uint8_t *place = extend(record, sizeof ordered); /* a whole word is written, and what is too much given back */
	add_type(record, types[bits / 8]);
	if (place == NULL)
		return;
	memcpy(place, &ordered, sizeof ordered);
	record->length -= sizeof ordered - width;
}

void sqlite_record_text(struct sqlite_record *record, const char *bytes, size_t length)
{
	uint8_t *place = extend(record, length);
	add_type(record, 13 + 2 * (uint64_t)length);
	if (place != NULL && length > 0)
		memcpy(place, bytes, length);
}

/* ---- Pages ---- */

int sqlite_pages_open(struct sqlite_pages *pages, struct writer *writer)
{
	struct stat file;
	*pages = (struct sqlite_pages){ .writer = writer };
	if (fstat(writer->fd, &file) < 0 || lseek(writer->fd, 0, SEEK_END) != file.st_size ||
	    file.st_size % SQLITE_PAGE_BYTES != 0)
		return error_set(writer->error, ERROR_IO, "%s: SQLite wrote a file whose end is not known",
		                 writer->path);
	pages->count = (uint32_t)(file.st_size / SQLITE_PAGE_BYTES);
	writer->written = (uint64_t)file.st_size;
	return OK;
}

/* The number of the next page that is written at the end. */
static uint32_t next_page(const struct sqlite_pages *pages)
{
	return pages->count + 1;
}

static void add_page(struct sqlite_pages *pages, const uint8_t *bytes)
{
	static const char nothing[SQLITE_PAGE_BYTES];
	writer_append(pages->writer, (const char *)bytes, SQLITE_PAGE_BYTES);
	pages->count++;
	if ((uint64_t)pages->count * SQLITE_PAGE_BYTES == LOCK_BYTE) {
		writer_append(pages->writer, nothing, SQLITE_PAGE_BYTES);
		pages->count++;
	}
}

static int write_at(const struct sqlite_pages *pages, const uint8_t *bytes, size_t count, uint64_t offset)
{
	const struct writer *writer = pages->writer;
	for (size_t done = 0; done < count;) {
		const ssize_t written = pwrite(writer->fd, bytes + done, count - done, (off_t)(offset + done));
		if (written > 0)
			done += (size_t)written;
		else if (written == 0 || errno != EINTR)
			return error_set(writer->error, ERROR_IO, "%s could not be written to its end: %s",
			                 writer->path, strerror(errno));
	}
	return OK;
}

int sqlite_pages_finish(struct sqlite_pages *pages)
{
	uint8_t count[4];
	store_be(count, pages->count, sizeof count);
	return write_at(pages, count, sizeof count, PAGE_COUNT_OFFSET);
}

/* ---- Trees ---- */

int sqlite_tree_open(struct sqlite_tree *tree, struct sqlite_pages *pages, enum sqlite_tree_kind kind, uint32_t root)
{
	*tree = (struct sqlite_tree){ .pages = pages, .kind = (uint8_t)kind, .root = root };
	if (root < 2 || root > pages->count)
		return error_set(pages->writer->error, ERROR_IO, "%s: SQLite made no page for a table",
		                 pages->writer->path);
	return OK;
}

void sqlite_tree_close(struct sqlite_tree *tree)
{
	for (uint32_t level = 0; level < SQLITE_MOST_LEVELS; level++)
		free(tree->levels[level]);
}

static uint32_t header_bytes(uint32_t level)
{
	return level == 0 ? LEAF_HEADER : INTERIOR_HEADER;
}

static void empty_page(struct sqlite_tree_page *page)
{
	page->cells = 0;
	page->content = SQLITE_PAGE_BYTES;
}

static struct sqlite_tree_page *page_of(struct sqlite_tree *tree, uint32_t level)
{
	if (level < SQLITE_MOST_LEVELS && tree->levels[level] == NULL) {
		tree->levels[level] = malloc(sizeof *tree->levels[level]);
		if (tree->levels[level] != NULL)
			empty_page(tree->levels[level]);
	}
	return level < SQLITE_MOST_LEVELS ? tree->levels[level] : NULL;
}

/* False: it has no room. */
static bool put_cell(struct sqlite_tree_page *page, uint32_t level, const uint8_t *cell, uint32_t bytes)
{
	const uint32_t used = header_bytes(level) + (page->cells + 1) * POINTER_BYTES;
	if (used + bytes > page->content)
		return false;
	page->content -= bytes;
	memcpy(page->bytes + page->content, cell, bytes);
	store_be(page->bytes + used - POINTER_BYTES, page->content, POINTER_BYTES);
	page->cells++;
	page->last_bytes = bytes;
	return true;
}

/* The header, and zeros between the pointers and the cells: no byte of another page is left there. */
static void seal_page(const struct sqlite_tree *tree, struct sqlite_tree_page *page, uint32_t level, uint32_t right)
{
	const uint32_t end = header_bytes(level) + page->cells * POINTER_BYTES;
	const bool is_table = tree->kind == SQLITE_TREE_TABLE;
	memset(page->bytes, 0, LEAF_HEADER);
	page->bytes[0] = level == 0 ? is_table ? LEAF_TABLE : LEAF_INDEX : is_table ? INTERIOR_TABLE : INTERIOR_INDEX;
	store_be(page->bytes + 3, page->cells, 2);
	store_be(page->bytes + 5, page->content, 2);
	if (level > 0)
		store_be(page->bytes + LEAF_HEADER, right, PAGE_NUMBER_BYTES);
	memset(page->bytes + end, 0, page->content - end);
}

/* Writes a full page. *key becomes what divides it from what follows: a row's number, or its last record, which moves
 * up out of it. The child of the last cell of an interior page becomes the one right of all. The bytes of *key. */
static uint32_t close_page(struct sqlite_tree *tree, uint32_t level, uint8_t *key, uint32_t *ret_page)
{
	struct sqlite_tree_page *page = tree->levels[level];
	const uint32_t child_bytes = level > 0 ? PAGE_NUMBER_BYTES : 0;
	uint32_t right = 0, bytes;
	if (level == 0 && tree->kind == SQLITE_TREE_TABLE) {
		bytes = store_varint(key, (uint64_t)tree->last_row);
	} else {
		const uint8_t *last = page->bytes + page->content;
		for (uint32_t i = 0; i < child_bytes; i++)
			right = right << 8 | last[i];
		bytes = page->last_bytes - child_bytes;
		memcpy(key, last + child_bytes, bytes);
		page->content += page->last_bytes;
		page->cells--;
	}
	seal_page(tree, page, level, right);
	*ret_page = next_page(tree->pages);
	add_page(tree->pages, page->bytes);
	empty_page(page);
	return bytes;
}

static int out_of_memory(const struct sqlite_tree *tree)
{
	return error_set(tree->pages->writer->error, ERROR_NO_MEMORY, "out of memory for pages of a database");
}

/* Puts a leaf's cell, and what that moves up. */
static int put_rising(struct sqlite_tree *tree, const uint8_t *leaf_cell, uint32_t bytes)
{
	uint8_t cells[2][CELL_BYTES + PAGE_NUMBER_BYTES]; /* the one to put, and the one that it moves up */
	uint8_t *cell = cells[0], *rising = cells[1];
	memcpy(cell, leaf_cell, bytes);
	for (uint32_t level = 0;; level++) {
		struct sqlite_tree_page *page = page_of(tree, level);
		if (page == NULL)
			return out_of_memory(tree);
		if (put_cell(page, level, cell, bytes))
			return tree->pages->writer->status;
		uint32_t number;
		const uint32_t key_bytes = close_page(tree, level, rising + PAGE_NUMBER_BYTES, &number);
		store_be(rising, number, PAGE_NUMBER_BYTES);
		put_cell(page, level, cell, bytes); /* it is empty now */
		bytes = key_bytes + PAGE_NUMBER_BYTES;
		uint8_t *const free_cell = cell;
		cell = rising;
		rising = free_cell;
	}
}

/* How many bytes of a record stand in the page of the tree. */
static uint32_t local_bytes(const struct sqlite_tree *tree, uint64_t payload)
{
	const uint32_t most = tree->kind == SQLITE_TREE_TABLE ? MOST_LOCAL_TABLE : MOST_LOCAL_INDEX;
	if (payload <= most)
		return (uint32_t)payload;
	const uint32_t wanted = LEAST_LOCAL + (uint32_t)((payload - LEAST_LOCAL) % OVERFLOW_BYTES);
	return wanted <= most ? wanted : LEAST_LOCAL;
}

/* Pages with the rest of a record, one pointing at the next. */
static void add_overflow(struct sqlite_pages *pages, const uint8_t *bytes, size_t length)
{
	uint8_t page[SQLITE_PAGE_BYTES];
	while (length > 0 && pages->writer->status == OK) {
		const size_t part = length < OVERFLOW_BYTES ? length : OVERFLOW_BYTES;
		uint32_t next = next_page(pages) + 1;
		if ((uint64_t)(next - 1) * SQLITE_PAGE_BYTES == LOCK_BYTE)
			next++;
		memset(page, 0, sizeof page);
		store_be(page, part < length ? next : 0, PAGE_NUMBER_BYTES);
		memcpy(page + PAGE_NUMBER_BYTES, bytes, part);
		add_page(pages, page);
		bytes += part;
		length -= part;
	}
}

/* The size of a record's header has a place in the header: it counts itself. */
static uint32_t store_header_size(const struct sqlite_record *record, uint8_t *place)
{
	const uint64_t with_one = record->header_bytes + 1;
	return store_varint(place, with_one < 0x80 ? with_one : with_one + 1);
}

int sqlite_tree_append(struct sqlite_tree *tree, int64_t row, const struct sqlite_record *record)
{
	uint8_t cell[CELL_BYTES], head[VARINT_BYTES];
	if (record->failed)
		return out_of_memory(tree);
	const uint32_t head_bytes = store_header_size(record, head);
	const uint32_t in_front = head_bytes + (uint32_t)record->header_bytes; /* of the body; always local */
	const uint64_t payload = in_front + (uint64_t)record->length;
	const uint32_t local = local_bytes(tree, payload);
	uint32_t bytes = store_varint(cell, payload);
	if (tree->kind == SQLITE_TREE_TABLE)
		bytes += store_varint(cell + bytes, (uint64_t)row);
	memcpy(cell + bytes, head, head_bytes);
	memcpy(cell + bytes + head_bytes, record->header, record->header_bytes);
	if (local > in_front)
		memcpy(cell + bytes + in_front, record->body, local - in_front);
	bytes += local;
	if (local < payload) {
		store_be(cell + bytes, next_page(tree->pages), PAGE_NUMBER_BYTES);
		bytes += PAGE_NUMBER_BYTES;
		add_overflow(tree->pages, record->body + (local - in_front), payload - local);
	}
	int status = tree->pages->writer->status;
	if (tree->levels[0] == NULL || !put_cell(tree->levels[0], 0, cell, bytes))
		status = put_rising(tree, cell, bytes);
	tree->last_row = row;
	return status;
}

int sqlite_tree_finish(struct sqlite_tree *tree)
{
	uint32_t right = 0;
	if (page_of(tree, 0) == NULL)
		return out_of_memory(tree);
	for (uint32_t level = 0;; level++) {
		struct sqlite_tree_page *page = tree->levels[level];
		const bool is_root = level + 1 == SQLITE_MOST_LEVELS || tree->levels[level + 1] == NULL;
		seal_page(tree, page, level, right);
		if (is_root)
			return write_at(tree->pages, page->bytes, SQLITE_PAGE_BYTES,
			                (uint64_t)(tree->root - 1) * SQLITE_PAGE_BYTES);
		right = next_page(tree->pages);
		add_page(tree->pages, page->bytes);
	}
}
