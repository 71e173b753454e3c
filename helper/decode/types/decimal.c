/* SPDX-License-Identifier: MIT
 * Decimal: up to four words of digits inline, more in a block of their own (Modules/_decimal/_decimal.c dec_sizeof). */
#include "decode/decode_functions.h"
#include "decode/emit.h"

enum { MPD_DATAFLAGS_NOT_OWN = 0xE0 }; /* MPD_STATIC_DATA | MPD_SHARED_DATA | MPD_CONST_DATA of mpdecimal.h */

void decode_decimal(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	(void)address;
	uint64_t flags = body_field(decoder->layout, FIELD_PyDecObject_dec_flags, body);
	uint64_t words = body_u64(decoder, FIELD_PyDecObject_dec_alloc, body);
	if (flags & MPD_DATAFLAGS_NOT_OWN)
		return;
	if (words > INT64_MAX / 16) {
		flag_object(decoder, DECODED_CORRUPT, "impossible number of digits");
		return;
	}
	decoder->out.shallow += 8 * words;
	emit_block(decoder, body_u64(decoder, FIELD_PyDecObject_dec_data, body), 8 * words, "digits", BLOCK_COUNTED);
}
