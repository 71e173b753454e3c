/* SPDX-License-Identifier: MIT
 * numpy scalars: __sizeof__ adds itemsize to what object.__sizeof__ would say, although the value lies inside
 * (numpy/_core/src/multiarray/scalartypes.c.src gentype_sizeof); numpy.str_ has str's before it. */
#include "decode/decode_functions.h"
#include "decode/foreign.h"
#include "decode/foreign/numpy_dtype.h"

enum { OWNS_DATA = 4 /* NPY_ARRAY_OWNDATA */ };

void decode_numpy_scalar(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	emit_foreign_places(decoder, type->foreign, address, body);
	decoder->out.shallow += type->foreign->places[PLACE_numpy_scalar_value].size;
}

void decode_numpy_bytes(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	(void)address;
	int64_t length = body_ob_size(decoder, body);
	if (length > 0)
		decoder->out.shallow += (uint64_t)length;
}

void decode_numpy_str(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	const struct type_info *base = type->base_info->base;
	uint32_t offset;
	uint64_t copy, length = 0;
	if (base != NULL && base != type && base->decode != NULL)
		base->decode(decoder, type, address, body);
	if (foreign_offset(decoder, type->foreign, PLACE_numpy_scalar_value, &offset) &&
	    reader_u64(&decoder->reader, address + offset, &copy) && copy != 0) {
		length = body_u64(decoder, FIELD_PyASCIIObject_length, body);
		if (length < INT64_MAX / 4)
			emit_block(decoder, copy, 4 * (length + 1), "UCS4 copy", 0);
	}
}

void decode_numpy_void(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	const struct foreign_shape *shape = type->foreign;
	uint64_t data = foreign_u64(decoder, shape, PLACE_numpy_void_obval, body);
	struct numpy_dtype dtype;
	emit_foreign_places(decoder, shape, address, body);
	if (!numpy_dtype_read(decoder, foreign_u64(decoder, shape, PLACE_numpy_void_descr, body), &dtype)) {
		flag_object(decoder, DECODED_CORRUPT, "impossible dtype of a record");
		return;
	}
	decoder->out.shallow += dtype.item_bytes;
	if (!(foreign_u64(decoder, shape, PLACE_numpy_void_flags, body) & OWNS_DATA) || data == 0)
		return;
	emit_block(decoder, data, dtype.item_bytes > 0 ? dtype.item_bytes : 1, "record", 0);
	emit_numpy_items(decoder, &dtype, data, 1);
}
