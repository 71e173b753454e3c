/* SPDX-License-Identifier: MIT
 * bytearray: a buffer of its own; since 3.15 a bytes object that nothing else refers to
 * (Objects/bytearrayobject.c bytearray_sizeof). */
#include "decode/decode_functions.h"
#include "decode/emit.h"

void decode_bytearray(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	(void)address;
	const struct layout *layout = decoder->layout;
	uint64_t allocated = body_u64(decoder, FIELD_PyByteArrayObject_ob_alloc, body);
	if (allocated > INT64_MAX / 2) {
		flag_object(decoder, DECODED_CORRUPT, "impossible ob_alloc");
		return;
	}
	if (layout_has(layout, FIELD_PyByteArrayObject_ob_bytes_object)) {
		/* __sizeof__ counts that object, which nobody else can refer to: it is owned memory here and no object
		 * of its own, or every sum would count it twice. An empty one is the bytes that all share. */
		const uint64_t bytes = layout_offset(layout, FIELD_PyBytesObject_ob_sval) + 1 + allocated;
		if (allocated == 0)
			return;
		decoder->out.shallow += bytes;
		emit_block(decoder, body_u64(decoder, FIELD_PyByteArrayObject_ob_bytes_object, body), bytes,
		           "bytes object", BLOCK_COUNTED);
		return;
	}
	decoder->out.shallow += allocated;
	uint64_t buffer = body_u64(decoder, FIELD_PyByteArrayObject_ob_bytes, body);
	if (buffer != 0 && allocated > 0)
		emit_block(decoder, buffer, allocated, "buffer", BLOCK_COUNTED);
}
