/* SPDX-License-Identifier: MIT
 * pyarrow: Python objects that each hold a std::shared_ptr of Arrow's C++ objects (cpp/src/arrow/buffer.h,
 * array/data.h, chunked_array.h, table.cc, record_batch.cc; the same in 14 to 26 but for where a buffer's parent is).
 * What weighs are the buffers. Slices and chunks lead to one many times: it is shown once, and others share it if its
 * counts, or those on the way to it, exceed what was met on the way from this object. A slice's memory is its parent's.
 * Buffers over memory of Python objects and over mapped files are not Arrow's, and not shown. Every pointer is
 * doubted. */
#include <string.h>

#include "base/address_map.h"
#include "decode/body_words.h"
#include "decode/decode_functions.h"
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
	BUFFER_BYTES = 64, /* arrow::Buffer, as far as it is read */
	BUFFER_DATA = 16,
	BUFFER_SIZE = 24,
	BUFFER_CAPACITY = 32,
	BUFFER_PARENT = 48, /* behind the kind of device, which is there since 15; before, 8 bytes less */
	TABLE_COLUMNS = 32, /* arrow::SimpleTable, and SimpleRecordBatch, whose columns are ArrayData */
	BATCH_BOXED = 56, /* the same columns as Array, as far as somebody asked for them */
	LIMIT_NODES = 1 << 20, /* C++ objects behind one Python object */
};

enum arrow_kind { ARROW_TABLE, ARROW_BATCH, ARROW_CHUNKS, ARROW_ARRAY, ARROW_DATA, ARROW_BUFFER };

struct arrow_node {
	uint64_t address;
	uint32_t from; /* index of the node that first led here; its own: none did */
	uint32_t count; /* shared_ptrs to it there are */
	uint32_t seen; /* of these, those that were met */
	uint8_t kind; /* enum arrow_kind */
	bool is_view; /* a buffer's memory is its parent's */
};

struct arrow_walk {
	struct decoder *decoder;
	ARRAY(struct arrow_node) nodes;
	struct address_map numbers; /* of nodes, by address */
	uint64_t method_table; /* last one asked about, and whether it is of libarrow_python */
	bool is_python;
	bool is_cut; /* more than LIMIT_NODES, or no memory for them */
};

/* Follows the shared_ptr at slot. */
static void add(struct arrow_walk *walk, uint64_t slot, enum arrow_kind kind, uint32_t from)
{
	struct reader *reader = &walk->decoder->reader;
	uint64_t object, control;
	uint32_t count = 1;
	if (!reader_u64(reader, slot, &object) || object == 0 || object % 8 != 0 ||
	    !reader_u64(reader, slot + CONTROL, &control))
		return;
	const uint32_t known = address_map_get(&walk->numbers, object);
	if (known != ADDRESS_MAP_NONE) {
		walk->nodes.items[known].seen++;
		return;
	}
	if (control != 0 && !reader_u32(reader, control + CONTROL_COUNT, &count))
		return;
	const uint32_t number = (uint32_t)walk->nodes.count;
	const struct arrow_node node = {
		.address = object, .from = from == UINT32_MAX ? number : from, .count = count, .seen = 1, .kind = kind
	};
	if (number >= LIMIT_NODES || !array_push(&walk->nodes, node) ||
	    !address_map_set(&walk->numbers, object, number))
		walk->is_cut = true;
}

/* A std::vector of shared_ptrs. */
static void add_vector(struct arrow_walk *walk, uint64_t vector, enum arrow_kind kind, uint32_t from)
{
	struct reader *reader = &walk->decoder->reader;
	uint64_t begin, end, capacity;
	if (!reader_u64(reader, vector, &begin) || !reader_u64(reader, vector + 8, &end) ||
	    !reader_u64(reader, vector + 16, &capacity) || begin > end || end > capacity ||
	    (end - begin) % SHARED_BYTES != 0 || (end - begin) / SHARED_BYTES > LIMIT_NODES)
		return;
	for (uint64_t slot = begin; slot < end && !walk->is_cut; slot += SHARED_BYTES)
		add(walk, slot, kind, from);
}

/* ---- Buffers ---- */

struct arrow_buffer {
	uint64_t method_table, data, size, capacity;
};

static bool read_buffer(struct arrow_walk *walk, uint64_t address, struct arrow_buffer *ret_buffer)
{
	const struct body body = body_at(&walk->decoder->reader, address, BUFFER_BYTES);
	if (body.bytes == NULL)
		return false;
	*ret_buffer = (struct arrow_buffer){ body_word(body, 0), body_word(body, BUFFER_DATA),
		                             body_word(body, BUFFER_SIZE), body_word(body, BUFFER_CAPACITY) };
	return ret_buffer->data != 0 && ret_buffer->size <= ret_buffer->capacity && ret_buffer->capacity <= INT64_MAX;
}

/* Whether its memory is mapped where it begins and where it ends. What else stands where a parent would (the manager of
 * memory, whose words are pointers) is told so: a pointer is no length. */
static bool has_memory(const struct arrow_walk *walk, const struct arrow_buffer *buffer)
{
	const struct address_space *space = walk->decoder->reader.space;
	return buffer->capacity > 0 && buffer->data <= UINT64_MAX - buffer->capacity &&
	       address_space_state(space, buffer->data) != MEMORY_UNMAPPED &&
	       address_space_state(space, buffer->data + buffer->capacity - 1) != MEMORY_UNMAPPED;
}

/* The parent of a buffer is told by that its memory contains the buffer's. */
static void add_parent(struct arrow_walk *walk, uint32_t number)
{
	const uint64_t address = walk->nodes.items[number].address;
	struct arrow_buffer own, parent;
	uint64_t object;
	if (!read_buffer(walk, address, &own))
		return;
	for (uint64_t slot = address + BUFFER_PARENT - 8; slot <= address + BUFFER_PARENT; slot += 8) {
		if (!reader_u64(&walk->decoder->reader, slot, &object) || object == 0 || object == address ||
		    !read_buffer(walk, object, &parent) || !has_memory(walk, &parent) || own.data < parent.data ||
		    own.data - parent.data > parent.capacity || own.size > parent.capacity - (own.data - parent.data))
			continue;
		walk->nodes.items[number].is_view = true;
		add(walk, slot, ARROW_BUFFER, number);
		return;
	}
}

/* Buffers whose class is of libarrow_python hold an object of Python, and its memory (python/pyarrow/src/arrow/python:
 * PyBuffer, NumPyBuffer, PyForeignBuffer). */
static bool is_of_python(struct arrow_walk *walk, uint64_t method_table)
{
	const struct address_space *space = walk->decoder->reader.space;
	if (walk->method_table == method_table)
		return walk->is_python;
	walk->method_table = method_table;
	walk->is_python = false;
	for (size_t i = 0; i < space->files.count; i++) {
		const struct mapped_file *file = &space->files.items[i];
		if (method_table >= file->start && method_table < file->end)
			walk->is_python = strstr(file->path, "arrow_python") != NULL;
	}
	return walk->is_python;
}

/* Whether others hold a node too, or something on the way to it. */
static bool is_shared(const struct arrow_walk *walk, uint32_t number)
{
	for (;; number = walk->nodes.items[number].from) {
		const struct arrow_node *node = &walk->nodes.items[number];
		if (node->count > node->seen)
			return true;
		if (node->from >= number)
			return false;
	}
}

static void emit_buffers(struct arrow_walk *walk)
{
	for (uint32_t i = 0; i < walk->nodes.count; i++) {
		const struct arrow_node *node = &walk->nodes.items[i];
		struct arrow_buffer buffer;
		if (node->kind != ARROW_BUFFER || node->is_view || !read_buffer(walk, node->address, &buffer) ||
		    !has_memory(walk, &buffer) || is_of_python(walk, buffer.method_table))
			continue;
		emit_block(walk->decoder, buffer.data, buffer.capacity, "Arrow buffer",
		           is_shared(walk, i) ? BLOCK_SHARED : 0);
	}
}

/* ---- Objects ---- */

static void open_node(struct arrow_walk *walk, uint32_t number)
{
	const struct arrow_node node = walk->nodes.items[number];
	switch ((enum arrow_kind)node.kind) {
	case ARROW_TABLE:
		add_vector(walk, node.address + TABLE_COLUMNS, ARROW_CHUNKS, number);
		break;
	case ARROW_BATCH:
		add_vector(walk, node.address + TABLE_COLUMNS, ARROW_DATA, number);
		add_vector(walk, node.address + BATCH_BOXED, ARROW_ARRAY, number);
		break;
	case ARROW_CHUNKS:
		add_vector(walk, node.address, ARROW_ARRAY, number);
		break;
	case ARROW_ARRAY:
		add(walk, node.address + ARRAY_DATA, ARROW_DATA, number);
		break;
	case ARROW_DATA:
		if (reader_at(&walk->decoder->reader, node.address, DATA_BYTES) == NULL)
			break;
		add_vector(walk, node.address + DATA_BUFFERS, ARROW_BUFFER, number);
		add_vector(walk, node.address + DATA_CHILDREN, ARROW_DATA, number);
		add(walk, node.address + DATA_DICTIONARY, ARROW_DATA, number);
		break;
	default:
		add_parent(walk, number);
		break;
	}
}

static void decode(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body,
                   enum foreign_place_id place, enum arrow_kind kind)
{
	struct arrow_walk walk = { .decoder = decoder };
	uint32_t offset;
	emit_body_words(decoder, type, address, body);
	if (decoder->skip_blocks || !foreign_offset(decoder, type->foreign, place, &offset))
		return;
	add(&walk, address + offset, kind, UINT32_MAX);
	for (uint32_t i = 0; i < walk.nodes.count && !walk.is_cut; i++)
		open_node(&walk, i);
	if (walk.is_cut)
		flag_object(decoder, DECODED_APPROXIMATE, "too many buffers of Arrow to follow");
	emit_buffers(&walk);
	array_free(&walk.nodes);
	address_map_clear(&walk.numbers);
}

void decode_arrow_buffer(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	decode(decoder, type, address, body, PLACE_arrow_buffer_shared, ARROW_BUFFER);
}

void decode_arrow_array(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	decode(decoder, type, address, body, PLACE_arrow_array_shared, ARROW_ARRAY);
}

void decode_arrow_chunks(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	decode(decoder, type, address, body, PLACE_arrow_chunks_shared, ARROW_CHUNKS);
}

void decode_arrow_table(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	decode(decoder, type, address, body, PLACE_arrow_table_shared, ARROW_TABLE);
}

void decode_arrow_batch(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	decode(decoder, type, address, body, PLACE_arrow_batch_shared, ARROW_BATCH);
}
