/* SPDX-License-Identifier: MIT
 * EncodingMap: the table that codecs of one byte a character encode with (Objects/unicodeobject.c,
 * PyUnicode_BuildEncodingMap). It is not the variable-sized object that it could be: sys.getsizeof() leaves out its
 * second and third levels, which lie behind the struct. */
#include "decode/decode_functions.h"
#include "decode/emit.h"

enum { SECOND_LEVEL_BYTES = 16, THIRD_LEVEL_BYTES = 128, MOST_PAGES = 256 };

void decode_character_map(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)address;
	if (!layout_has(decoder->layout, FIELD_encoding_map_count3))
		return;
	const uint64_t second = body_u64(decoder, FIELD_encoding_map_count2, body);
	const uint64_t third = body_u64(decoder, FIELD_encoding_map_count3, body);
	if (second > MOST_PAGES || third > MOST_PAGES) {
		flag_object(decoder, DECODED_CORRUPT, "impossible number of pages");
		return;
	}
	/* One byte of them is in the struct. */
	decoder->out.body = (uint64_t)type->tp_basicsize + second * SECOND_LEVEL_BYTES + third * THIRD_LEVEL_BYTES - 1;
}
