/* SPDX-License-Identifier: MIT
 * set and frozenset: eight entries inline, or a table apart (Objects/setobject.c set_sizeof). */
#include "decode/decode_functions.h"
#include "decode/emit.h"

void decode_set(struct decoder *decoder, const struct type_info *type, uint64_t address, const uint8_t *body)
{
	(void)type;
	const struct layout *layout = decoder->layout;
	uint64_t mask = load_u64(body + layout_offset(layout, FIELD_PySetObject_mask));
	uint64_t table = load_u64(body + layout_offset(layout, FIELD_PySetObject_table));
	uint32_t entry_bytes = layout->struct_bytes[STRUCT_setentry];
	if (mask > UINT64_C(1) << 48 || (mask & (mask + 1)) != 0) {
		flag_object(decoder, DECODED_CORRUPT, "impossible table size");
		return;
	}
	if (table != address + layout_offset(layout, FIELD_PySetObject_smalltable)) {
		uint64_t bytes = (mask + 1) * entry_bytes;
		decoder->out.shallow += bytes;
		emit_block(decoder, table, bytes, "table", BLOCK_COUNTED);
	}
	emit_run(decoder, table, mask + 1, entry_bytes, LABEL_SET_ITEM, RUN_ITEM | RUN_SET, 0);
}

void decode_frozenset(struct decoder *decoder, const struct type_info *type, uint64_t address, const uint8_t *body)
{
	decode_set(decoder, type, address, body);
}
