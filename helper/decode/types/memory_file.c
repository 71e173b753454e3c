/* SPDX-License-Identifier: MIT
 * io.BytesIO and io.StringIO: files in memory (Modules/_io/bytesio.c, stringio.c). */
#include "decode/decode_functions.h"
#include "decode/emit.h"

enum { CHARACTER_BYTES = 4 }; /* Py_UCS4 */

/* True if nobody else holds the object: SHARED_BUF() of bytesio.c; since 3.14 PyUnstable_Object_IsUniquelyReferenced.
 */
static bool is_unshared(struct decoder *decoder, struct body head)
{
	const struct layout *layout = decoder->layout;
	if (!layout_feature(layout, FEATURE_FREE_THREADED))
		return body_field(layout, FIELD_PyObject_ob_refcnt, head) <= 1;
	uint64_t shared = body_field(layout, FIELD_PyObject_ob_ref_shared, head);
	return body_field(layout, FIELD_PyObject_ob_ref_local, head) + (shared >> 2) <= 1;
}

/* The buffer is a bytes object; sys.getsizeof of it is part of the size while it is not shared with anybody. */
void decode_bytes_io(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	(void)address;
	const struct layout *layout = decoder->layout;
	uint64_t buffer = body_u64(decoder, FIELD_bytesio_buf, body);
	if (buffer == 0 ||
	    (layout_has(layout, FIELD_bytesio_buf_shared) && body_field(layout, FIELD_bytesio_buf_shared, body) != 0))
		return;
	uint32_t head_bytes = layout_offset(layout, FIELD_PyBytesObject_ob_sval);
	const struct body head = body_at(&decoder->reader, buffer, head_bytes);
	if (head.bytes == NULL) {
		flag_object(decoder, DECODED_UNREADABLE, "its buffer cannot be read");
		return;
	}
	int64_t length = body_ob_size(decoder, head);
	if (length < 0 || length > INT64_MAX / 2) {
		flag_object(decoder, DECODED_CORRUPT, "impossible length of its buffer");
		return;
	}
	if (is_unshared(decoder, head)) {
		decoder->out.included = head_bytes + (uint64_t)length + 1;
		decoder->out.shallow += decoder->out.included;
	}
}

void decode_string_io(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	/* What was written and not yet put together is hidden in all versions. */
	emit_field(decoder, address, body, FIELD_stringio_accu_large, RUN_HIDDEN);
	emit_field(decoder, address, body, FIELD_stringio_accu_small, RUN_HIDDEN);
	emit_field(decoder, address, body, FIELD_stringio_writer_buffer, RUN_HIDDEN);
	uint64_t buffer = body_u64(decoder, FIELD_stringio_buf, body);
	uint64_t length = body_u64(decoder, FIELD_stringio_buf_size, body);
	if (buffer != 0 && length < INT64_MAX / CHARACTER_BYTES)
		emit_block(decoder, buffer, CHARACTER_BYTES * length, "text", 0);
}
