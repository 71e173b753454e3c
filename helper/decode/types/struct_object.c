/* SPDX-License-Identifier: MIT
 * struct.Struct: a format compiled to an array of codes that ends with one whose fmtdef is null
 * (Modules/_struct.c s_sizeof). */
#include "decode/decode_functions.h"
#include "decode/chain.h"

void decode_struct(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	(void)address;
	const struct layout *layout = decoder->layout;
	uint32_t row = layout->struct_bytes[STRUCT_formatcode];
	uint64_t codes = body_u64(decoder, FIELD_PyStructObject_s_codes, body);
	if (row == 0)
		return;
	decoder->out.shallow += row; /* the last one, which is counted even while there is no array */
	if (codes == 0)
		return;
	uint64_t limit = chain_limit(decoder, row);
	for (uint64_t count = 0;; count++) {
		uint64_t definition;
		if (count >= limit ||
		    !reader_u64(&decoder->reader, codes + count * row + layout_offset(layout, FIELD_formatcode_fmtdef),
		                &definition)) {
			flag_object(decoder, DECODED_UNREADABLE, "its compiled format cannot be read");
			return;
		}
		if (definition == 0) {
			decoder->out.shallow += count * row;
			emit_block(decoder, codes, (count + 1) * row, "compiled format", BLOCK_COUNTED);
			return;
		}
	}
}
