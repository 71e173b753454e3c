/* SPDX-License-Identifier: MIT
 * numpy/_core/src/multiarray/descriptor.c arraydescr_dealloc: what a dtype owns; refcount.c: where items have
 * references; stringdtype/static_string.c: where the texts of a StringDType lie. */
#include "decode/decode_functions.h"
#include "decode/foreign/numpy_dtype.h"

#include "base/limits.h"
#include "object/value.h"

enum {
	ITEM_HAS_REFERENCES = 1, /* NPY_ITEM_REFCOUNT */
	KIND_OBJECT = 'O',
	KIND_RECORD = 'V',
	SUBARRAY_BYTES = 16, /* PyArray_ArrayDescr: base, shape */
	LIMIT_ITEM_PARTS = 4096, /* dtypes within one dtype that are looked at */
	PENDING_PARTS = 256, /* of them at one time */
	/* npy_string_allocator: malloc, free, realloc, then the arena. */
	ARENA_SIZE = 32,
	ARENA_BUFFER = 40,
	ALLOCATOR_BYTES = 56,
};

bool numpy_dtype_read(struct decoder *decoder, uint64_t address, struct numpy_dtype *ret_dtype)
{
	struct object_head head = decode_head(decoder, address);
	const struct type_info *type = head.bytes != NULL ? decode_head_type(decoder, head.bytes) : NULL;
	if (type == NULL || type->foreign == NULL || type->foreign->places[PLACE_numpy_dtype_elsize].size == 0)
		return false;
	const struct body body = body_at(&decoder->reader, address, (uint32_t)type->tp_basicsize);
	if (body.bytes == NULL)
		return false;
	const struct foreign_shape *shape = type->foreign;
	uint64_t bytes = foreign_u64(decoder, shape, PLACE_numpy_dtype_elsize, body);
	if (bytes > INT64_MAX)
		return false;
	*ret_dtype = (struct numpy_dtype){
		.address = address,
		.item_bytes = bytes,
		.kind = (char)foreign_u64(decoder, shape, PLACE_numpy_dtype_kind, body),
		.has_references = foreign_u64(decoder, shape, PLACE_numpy_dtype_flags, body) & ITEM_HAS_REFERENCES,
		.shape = shape,
		.body = body,
	};
	return true;
}

/* A dtype at an offset of the item. */
struct part {
	uint64_t dtype, offset;
};

struct parts {
	struct part items[PENDING_PARTS];
	unsigned pending, seen;
	bool too_many;
};

static void add_part(struct parts *parts, uint64_t dtype, uint64_t offset)
{
	if (parts->pending == PENDING_PARTS || parts->seen == LIMIT_ITEM_PARTS) {
		parts->too_many = true;
		return;
	}
	parts->items[parts->pending++] = (struct part){ dtype, offset };
	parts->seen++;
}

/* Each element of a subarray, a dtype like (object, (2, 3)). Of plain objects there is nothing to look at. */
static void add_elements(struct decoder *decoder, struct parts *parts, const struct numpy_dtype *dtype,
                         uint64_t subarray, uint64_t offset)
{
	struct numpy_dtype element;
	uint64_t base;
	if (!reader_u64(&decoder->reader, subarray, &base) || !numpy_dtype_read(decoder, base, &element) ||
	    element.item_bytes == 0) {
		parts->too_many = true;
		return;
	}
	for (uint64_t from = 0; from + element.item_bytes <= dtype->item_bytes && !parts->too_many;
	     from += element.item_bytes)
		add_part(parts, base, offset + from);
}

/* dtype.fields: name or title -> (dtype, offset[, title]). The same field under its title is seen under its name. */
static void add_fields(struct decoder *decoder, struct parts *parts, uint64_t fields, uint64_t offset)
{
	struct dict_cursor cursor;
	uint64_t key, field, count, items;
	if (!dict_cursor_open(&cursor, &decoder->objects, fields)) {
		parts->too_many = true;
		return;
	}
	while (cursor.next < LIMIT_ITEM_PARTS && !parts->too_many && dict_cursor_next(&cursor, &key, &field)) {
		uint64_t dtype, place, title = 0;
		int64_t at;
		if (!value_items(&decoder->objects, field, &count, &items) || count < 2 || count > 3 ||
		    !reader_u64(&decoder->reader, items, &dtype) || !reader_u64(&decoder->reader, items + 8, &place) ||
		    !value_int(&decoder->objects, place, &at) || at < 0) {
			parts->too_many = true;
			return;
		}
		if (count == 3 && reader_u64(&decoder->reader, items + 16, &title) && title == key)
			continue;
		add_part(parts, dtype, offset + (uint64_t)at);
	}
}

void emit_numpy_items(struct decoder *decoder, const struct numpy_dtype *dtype, uint64_t data, uint64_t count)
{
	if (!dtype->has_references || count == 0)
		return;
	if (dtype->kind == KIND_OBJECT) {
		emit_run(decoder, data, count,
		         (struct run_kind){ .stride = 8, .label = LABEL_ITEM, .flags = RUN_HIDDEN | RUN_ITEM });
		return;
	}
	if (dtype->kind != KIND_RECORD || dtype->item_bytes > UINT32_MAX)
		return;
	struct parts parts = { .pending = 0 };
	add_part(&parts, dtype->address, 0);
	while (parts.pending > 0 && !parts.too_many) {
		struct part part = parts.items[--parts.pending];
		struct numpy_dtype inner;
		if (!numpy_dtype_read(decoder, part.dtype, &inner) || part.offset > dtype->item_bytes ||
		    inner.item_bytes > dtype->item_bytes - part.offset) {
			parts.too_many = true;
			break;
		}
		if (!inner.has_references)
			continue;
		uint64_t subarray = foreign_u64(decoder, inner.shape, PLACE_numpy_dtype_subarray, inner.body);
		uint64_t fields = foreign_u64(decoder, inner.shape, PLACE_numpy_dtype_fields, inner.body);
		if (inner.kind == KIND_OBJECT)
			emit_run(decoder, data + part.offset, count,
			         (struct run_kind){ .stride = (uint32_t)dtype->item_bytes,
			                            .label = LABEL_ITEM,
			                            .flags = RUN_HIDDEN | RUN_ITEM });
		else if (subarray != 0)
			add_elements(decoder, &parts, &inner, subarray, part.offset);
		else if (fields != 0)
			add_fields(decoder, &parts, fields, part.offset);
	}
	if (parts.too_many)
		flag_object(decoder, DECODED_APPROXIMATE, "its dtype is too large or too strange to find all objects");
}

static void decode_subarray(struct decoder *decoder, uint64_t subarray)
{
	static const char *const names[] = { ".subdtype", ".shape" };
	const uint8_t *words = subarray != 0 ? reader_at(&decoder->reader, subarray, SUBARRAY_BYTES) : NULL;
	for (uint32_t i = 0; words != NULL && i < 2; i++)
		emit_slot(decoder, subarray + 8 * i, words + 8 * i, &names[i], RUN_HIDDEN);
	if (subarray != 0)
		emit_block(decoder, subarray, SUBARRAY_BYTES, "subarray", 0);
}

/* The allocator of a StringDType: texts longer than 15 bytes lie in its arena. */
static void decode_arena(struct decoder *decoder, uint64_t allocator)
{
	uint64_t bytes, buffer;
	if (allocator == 0 || !reader_u64(&decoder->reader, allocator + ARENA_SIZE, &bytes) ||
	    !reader_u64(&decoder->reader, allocator + ARENA_BUFFER, &buffer))
		return;
	emit_block(decoder, allocator, ALLOCATOR_BYTES, "string allocator", 0);
	if (buffer != 0 && bytes != 0 && bytes <= INT64_MAX)
		emit_block(decoder, buffer, bytes, "string arena", 0);
}

void decode_numpy_dtype(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	emit_foreign_places(decoder, type->foreign, address, body);
	decode_subarray(decoder, foreign_u64(decoder, type->foreign, PLACE_numpy_dtype_subarray, body));
	decode_arena(decoder, foreign_u64(decoder, type->foreign, PLACE_numpy_dtype_allocator, body));
}

/* A class of dtypes is static memory, or looks like it: no collector visits it. */
void decode_numpy_dtype_class(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	const struct type_info *base = type->base_info->base;
	if (base != NULL && base != type && base->decode != NULL)
		base->decode(decoder, type, address, body);
	const struct body whole = body_at(&decoder->reader, address, (uint32_t)type->base_info->tp_basicsize);
	if (whole.bytes != NULL)
		emit_foreign_places(decoder, type->foreign, address, whole);
}
