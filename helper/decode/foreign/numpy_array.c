/* SPDX-License-Identifier: MIT
 * numpy arrays: __sizeof__ is tp_basicsize, two words a dimension, and the data if the array owns them
 * (numpy/_core/src/multiarray/methods.c array_sizeof). No array is traversed; whoever owns the data owns the items
 * (arrayobject.c _clear_array_attributes). */
#include "decode/decode_functions.h"
#include "decode/foreign.h"
#include "decode/foreign/numpy_dtype.h"

enum {
	OWNS_DATA = 4, /* NPY_ARRAY_OWNDATA */
	LIMIT_DIMENSIONS = 64, /* NPY_MAXDIMS: 32 up to numpy 1.26 */
};

/* How many items the dimensions make; false: impossible ones. */
static bool item_count(struct decoder *decoder, uint64_t dimensions, uint64_t nd, uint64_t *ret_count)
{
	uint64_t count = 1;
	const uint8_t *words = nd > 0 ? reader_at(&decoder->reader, dimensions, 8 * nd) : NULL;
	if (nd > 0 && words == NULL)
		return false;
	for (uint64_t i = 0; i < nd; i++) {
		int64_t length = load_i64(words + 8 * i);
		if (length < 0 || !checked_multiply(count, (uint64_t)length, &count))
			return false;
	}
	*ret_count = count;
	return true;
}

void decode_numpy_array(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	const struct foreign_shape *shape = type->foreign;
	uint64_t nd = foreign_u64(decoder, shape, PLACE_numpy_array_nd, body);
	uint64_t dimensions = foreign_u64(decoder, shape, PLACE_numpy_array_dimensions, body);
	uint64_t data = foreign_u64(decoder, shape, PLACE_numpy_array_data, body);
	struct numpy_dtype dtype;
	uint64_t count, bytes;

	emit_foreign_places(decoder, shape, address, body);
	if (nd > LIMIT_DIMENSIONS || !item_count(decoder, dimensions, nd, &count) ||
	    !numpy_dtype_read(decoder, foreign_u64(decoder, shape, PLACE_numpy_array_descr, body), &dtype) ||
	    !checked_multiply(count, dtype.item_bytes, &bytes) || bytes > INT64_MAX) {
		flag_object(decoder, DECODED_CORRUPT, "impossible shape or dtype of an array");
		return;
	}
	/* Up to numpy 1.19 a subclass's own part is not counted. */
	if (shape->places[PLACE_numpy_array_fixed_size].size != 0)
		decoder->out.shallow = (uint64_t)type->base_info->tp_basicsize;
	if (dimensions != 0 && nd > 0) {
		decoder->out.shallow += 16 * nd;
		emit_block(decoder, dimensions, 16 * nd, "shape and strides", BLOCK_COUNTED);
	}
	if (!(foreign_u64(decoder, shape, PLACE_numpy_array_flags, body) & OWNS_DATA) || data == 0)
		return;
	if (bytes > 0 && address_space_state(decoder->reader.space, data + bytes - 1) == MEMORY_UNMAPPED) {
		flag_object(decoder, DECODED_CORRUPT, "its data reach beyond the mapped memory");
		return;
	}
	decoder->out.shallow += bytes;
	emit_block(decoder, data, bytes > 0 ? bytes : 1, "array data", BLOCK_COUNTED);
	emit_numpy_items(decoder, &dtype, data, count);
}

/* numpy.broadcast: an array of iterators in its body. */
void decode_numpy_broadcast(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	uint64_t count = foreign_u64(decoder, type->foreign, PLACE_numpy_broadcast_numiter, body);
	uint32_t offset;
	if (!foreign_offset(decoder, type->foreign, PLACE_numpy_broadcast_iters, &offset))
		return;
	if (count > type->foreign->places[PLACE_numpy_broadcast_iters].size / 8u) {
		flag_object(decoder, DECODED_CORRUPT, "impossible number of iterators");
		return;
	}
	emit_run(decoder, address + offset, count,
	         (struct run_kind){ .stride = 8, .label = LABEL_ITEM, .flags = RUN_HIDDEN });
}
