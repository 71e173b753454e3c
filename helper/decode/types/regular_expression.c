/* SPDX-License-Identifier: MIT
 * re: the scanner behind finditer(), and the compiled replacement of sub() (Modules/_sre). */
#include "decode/decode_functions.h"
#include "decode/emit.h"

/* The match state holds the string and, for other buffers, a Py_buffer. Only the pattern is visited. */
void decode_scanner(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	const struct layout *layout = decoder->layout;
	emit_field(decoder, address, body, FIELD_ScannerObject_state_string, RUN_HIDDEN);
	if (layout_has(layout, FIELD_ScannerObject_state_buffer) && layout_has(layout, FIELD_Py_buffer_obj)) {
		uint32_t offset = layout_offset(layout, FIELD_ScannerObject_state_buffer);
		emit_field(decoder, address + offset, body_part(body, offset), FIELD_Py_buffer_obj, RUN_HIDDEN);
	}
}

/* ob_size items of an index and a literal after it. */
void decode_template(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	int64_t count = body_ob_size(decoder, body);
	if (count <= 0 || type->tp_itemsize < 16 || decoder->out.flags & DECODED_CORRUPT)
		return;
	emit_run(decoder, address + layout_offset(decoder->layout, FIELD_TemplateObject_items) + 8, (uint64_t)count,
	         (struct run_kind){ .stride = (uint32_t)type->tp_itemsize, .label = LABEL_ITEM });
}
