/* SPDX-License-Identifier: MIT
 * pyarrow: Python objects that each hold a std::shared_ptr of Arrow's C++ objects (cpp/src/arrow/buffer.h,
 * array/data.h, chunked_array.h, table.cc). What weighs are the buffers. One that others share too (a column fetched
 * from a table) is shown with each and counted with none, so that no byte is counted twice. Buffers over memory of
 * Python objects are not Arrow's, and not shown. All of it is approximate, and every pointer is doubted. */
#include "decode/decode_functions.h"
#include "decode/body_words.h"
#include "decode/foreign.h"

enum {
	/* std::shared_ptr: the pointer, then a control block whose third word begins with the count. */
	SHARED_BYTES = 16,
	CONTROL = 8,
	CONTROL_COUNT = 8,
	ARRAY_DATA = 8, /* arrow::Array */
	DATA_BYTES = 104, /* arrow::ArrayData */
	DATA_BUFFERS = 40,
	DATA_CHILDREN = 64,
	DATA_DICTIONARY = 88,
	BUFFER_BYTES = 40, /* arrow::Buffer */
	BUFFER_DATA = 16,
	BUFFER_SIZE = 24,
	BUFFER_CAPACITY = 32,
	POOL_ALIGNMENT = 64, /* of what Arrow's pools allocate, addresses and capacities */
	TABLE_COLUMNS = 32,
	LIMIT_BUFFERS = 1 << 16,
	LIMIT_PENDING = 256,
};

struct pending_data {
	uint64_t address;
	bool is_shared;
};

struct buffer_walk {
	struct decoder *decoder;
	struct pending_data pending[LIMIT_PENDING];
	uint32_t count, seen;
};

/* Reads a shared_ptr; 0: empty or unreadable. *is_shared is set if somebody else has one of the same object. */
static uint64_t read_shared(struct decoder *decoder, uint64_t slot, bool *is_shared)
{
	uint64_t object, control;
	uint32_t count = 0;
	if (!reader_u64(&decoder->reader, slot, &object) || !reader_u64(&decoder->reader, slot + CONTROL, &control))
		return 0;
	if (control != 0 && reader_u32(&decoder->reader, control + CONTROL_COUNT, &count) && count > 1)
		*is_shared = true;
	return object;
}

/* std::vector of shared_ptr: begin and how many; false where it is none. */
static bool read_vector(struct decoder *decoder, uint64_t vector, uint64_t *ret_begin, uint64_t *ret_count)
{
	uint64_t begin, end, capacity;
	if (!reader_u64(&decoder->reader, vector, &begin) || !reader_u64(&decoder->reader, vector + 8, &end) ||
	    !reader_u64(&decoder->reader, vector + 16, &capacity) || begin > end || end > capacity ||
	    (end - begin) % SHARED_BYTES != 0)
		return false;
	*ret_begin = begin;
	*ret_count = (end - begin) / SHARED_BYTES;
	return *ret_count <= LIMIT_BUFFERS;
}

static void emit_buffer(struct decoder *decoder, uint64_t buffer, bool is_shared)
{
	const struct body body = body_at(&decoder->reader, buffer, BUFFER_BYTES);
	if (body.bytes == NULL)
		return;
	uint64_t data = body_word(body, BUFFER_DATA), size = body_word(body, BUFFER_SIZE);
	uint64_t capacity = body_word(body, BUFFER_CAPACITY);
	if (data == 0 || capacity == 0 || size > capacity || capacity > INT64_MAX || data % POOL_ALIGNMENT != 0 ||
	    capacity % POOL_ALIGNMENT != 0 ||
	    address_space_state(decoder->reader.space, data + capacity - 1) == MEMORY_UNMAPPED)
		return;
	emit_block(decoder, data, capacity, "Arrow buffer", is_shared ? BLOCK_SHARED : 0);
}

static void add_data(struct buffer_walk *walk, uint64_t data, bool is_shared)
{
	if (data == 0 || walk->count == LIMIT_PENDING || walk->seen >= LIMIT_BUFFERS)
		return;
	walk->seen++;
	walk->pending[walk->count++] = (struct pending_data){ data, is_shared };
}

static void walk_data(struct buffer_walk *walk)
{
	struct decoder *decoder = walk->decoder;
	while (walk->count > 0) {
		struct pending_data data = walk->pending[--walk->count];
		uint64_t begin, count;
		if (reader_at(&decoder->reader, data.address, DATA_BYTES) == NULL)
			continue;
		if (read_vector(decoder, data.address + DATA_BUFFERS, &begin, &count))
			for (uint64_t i = 0; i < count && walk->seen < LIMIT_BUFFERS; i++, walk->seen++) {
				bool is_shared = data.is_shared;
				uint64_t buffer = read_shared(decoder, begin + i * SHARED_BYTES, &is_shared);
				emit_buffer(decoder, buffer, is_shared);
			}
		if (read_vector(decoder, data.address + DATA_CHILDREN, &begin, &count))
			for (uint64_t i = 0; i < count && walk->count < LIMIT_PENDING; i++) {
				bool is_shared = data.is_shared;
				uint64_t child = read_shared(decoder, begin + i * SHARED_BYTES, &is_shared);
				add_data(walk, child, is_shared);
			}
		bool is_shared = data.is_shared;
		uint64_t dictionary = read_shared(decoder, data.address + DATA_DICTIONARY, &is_shared);
		add_data(walk, dictionary, is_shared);
	}
}

static void walk_array(struct buffer_walk *walk, uint64_t array, bool is_shared)
{
	uint64_t data = array != 0 ? read_shared(walk->decoder, array + ARRAY_DATA, &is_shared) : 0;
	add_data(walk, data, is_shared);
	walk_data(walk);
}

static void walk_chunks(struct buffer_walk *walk, uint64_t chunks, bool chunks_are_shared)
{
	uint64_t begin, count;
	if (chunks == 0 || !read_vector(walk->decoder, chunks, &begin, &count))
		return;
	for (uint64_t i = 0; i < count && walk->seen < LIMIT_BUFFERS; i++) {
		bool is_shared = chunks_are_shared;
		uint64_t array = read_shared(walk->decoder, begin + i * SHARED_BYTES, &is_shared);
		walk_array(walk, array, is_shared);
	}
}

/* The C++ object behind a Python object; 0: blocks are not wanted, or there is none. */
static uint64_t open(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body,
                     enum foreign_place_id place, bool *ret_is_shared)
{
	uint32_t offset;
	emit_body_words(decoder, type, address, body);
	*ret_is_shared = false;
	if (decoder->skip_blocks || !foreign_offset(decoder, type->foreign, place, &offset))
		return 0;
	return read_shared(decoder, address + offset, ret_is_shared);
}

void decode_arrow_buffer(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	bool is_shared;
	uint64_t buffer = open(decoder, type, address, body, PLACE_arrow_buffer_shared, &is_shared);
	emit_buffer(decoder, buffer, is_shared);
}

void decode_arrow_array(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	bool is_shared;
	struct buffer_walk walk = { .decoder = decoder, .count = 0, .seen = 0 };
	uint64_t array = open(decoder, type, address, body, PLACE_arrow_array_shared, &is_shared);
	walk_array(&walk, array, is_shared);
}

void decode_arrow_chunks(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	bool is_shared;
	struct buffer_walk walk = { .decoder = decoder, .count = 0, .seen = 0 };
	uint64_t chunks = open(decoder, type, address, body, PLACE_arrow_chunks_shared, &is_shared);
	walk_chunks(&walk, chunks, is_shared);
}

void decode_arrow_table(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	bool is_shared;
	struct buffer_walk walk = { .decoder = decoder, .count = 0, .seen = 0 };
	uint64_t begin, count, table = open(decoder, type, address, body, PLACE_arrow_table_shared, &is_shared);
	if (table == 0 || !read_vector(decoder, table + TABLE_COLUMNS, &begin, &count))
		return;
	for (uint64_t i = 0; i < count && walk.seen < LIMIT_BUFFERS; i++) {
		bool column_is_shared = is_shared;
		uint64_t chunks = read_shared(decoder, begin + i * SHARED_BYTES, &column_is_shared);
		walk_chunks(&walk, chunks, column_is_shared);
	}
}
