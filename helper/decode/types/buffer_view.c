/* SPDX-License-Identifier: MIT
 * _interpreters.CrossInterpreterBufferView (3.13+): a buffer of another interpreter; it owns the object that the buffer
 * belongs to (Modules/_interpretersmodule.c). */
#include "decode/decode_functions.h"
#include "decode/emit.h"

void decode_buffer_view(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	(void)address;
	uint64_t view = body_u64(decoder, FIELD_xibufferview_view, body);
	uint32_t bytes = decoder->layout->struct_bytes[STRUCT_Py_buffer];
	if (view == 0)
		return;
	const struct body buffer = body_at(&decoder->reader, view, bytes);
	if (buffer.bytes == NULL) {
		flag_object(decoder, DECODED_UNREADABLE, "its buffer cannot be read");
		return;
	}
	emit_block(decoder, view, bytes, "buffer", 0);
	emit_field(decoder, view, buffer, FIELD_Py_buffer_obj, RUN_HIDDEN);
}
