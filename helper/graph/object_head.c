/* SPDX-License-Identifier: MIT */
#include "graph/object_head.h"

bool is_inside_object(struct decoder *decoder, uint64_t address)
{
	const struct layout *layout = decoder->layout;
	const uint8_t *type =
	        reader_at(&decoder->reader, address - 8 + layout_offset(layout, FIELD_PyObject_ob_type), 8);
	const uint64_t word = type != NULL ? load_u64(type) : 0;
	/* The word is a type, or the reference count of the object that was asked for, most often mapped nowhere. */
	return word != 0 && word % 8 == 0 && reader_segment(&decoder->reader, word) != NULL &&
	       decode_type(decoder, word) != NULL;
}
