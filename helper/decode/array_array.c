/* SPDX-License-Identifier: MIT
 * array.array: numbers of one C type in a block of its own (Modules/arraymodule.c array___sizeof__). */
#include "decode/decoder.h"

decode_function decode_array;

void decode_array(struct decoder *decoder, const struct type_info *type, uint64_t address, const uint8_t *body)
{
	(void)type;
	(void)address;
	const struct layout *layout = decoder->layout;
	uint64_t descr = body_u64(decoder, FIELD_arrayobject_ob_descr, body);
	uint64_t items = body_u64(decoder, FIELD_arrayobject_ob_item, body);
	uint64_t allocated = body_u64(decoder, FIELD_arrayobject_allocated, body);
	uint32_t item_bytes;
	if (allocated == 0)
		return;
	if (!layout_has(layout, FIELD_arraydescr_itemsize) ||
	    !reader_u32(&decoder->reader, descr + layout_offset(layout, FIELD_arraydescr_itemsize), &item_bytes)) {
		/* struct arraydescr is constant data of the module's file, which may not be in the dump; the code of
		 * the type says less than the length of the buffer */
		flag_object(decoder, DECODED_UNREADABLE, "the size of its items is in a file that is not at hand");
		return;
	}
	if (item_bytes == 0 || item_bytes > 16 || allocated > INT64_MAX / 16) {
		flag_object(decoder, DECODED_CORRUPT, "impossible length");
		return;
	}
	decoder->out.shallow += allocated * item_bytes;
	emit_block(decoder, items, allocated * item_bytes, "items", BLOCK_COUNTED);
}
