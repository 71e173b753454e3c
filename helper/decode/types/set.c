/* SPDX-License-Identifier: MIT
 * set and frozenset: eight entries inline, or a table apart (Objects/setobject.c set_sizeof). */
#include "decode/decode_functions.h"
#include "decode/emit.h"

/* set_table_resize() has the set point at an empty table and then fills it: until then less is there than `used` says,
 * and the rest is on a C stack or in the old table. */
static void check_used(struct decoder *decoder, struct body body, uint64_t table, uint64_t count)
{
	const struct layout *layout = decoder->layout;
	const uint32_t entry_bytes = layout->struct_bytes[STRUCT_setentry];
	const uint32_t key = layout_offset(layout, FIELD_setentry_key),
	               hash = layout_offset(layout, FIELD_setentry_hash);
	const uint64_t used = body_u64(decoder, FIELD_PySetObject_used, body);
	const uint8_t *entries = reader_at(&decoder->reader, table, count * entry_bytes);
	uint64_t found = 0;
	if (entries == NULL || !layout_has(layout, FIELD_PySetObject_used))
		return;
	for (uint64_t i = 0; i < count; i++, entries += entry_bytes)
		found += load_u64(entries + key) != 0 && load_u64(entries + hash) != UINT64_MAX;
	if (found != used)
		flag_object(decoder, DECODED_IN_FLUX,
		            "the set is being resized: its table has not as many items as it says");
}

void decode_set(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	(void)type;
	const struct layout *layout = decoder->layout;
	uint64_t mask = body_u64(decoder, FIELD_PySetObject_mask, body);
	uint64_t table = body_u64(decoder, FIELD_PySetObject_table, body);
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
	emit_run(decoder, table, mask + 1,
	         (struct run_kind){ .stride = entry_bytes, .label = LABEL_SET_ITEM, .flags = RUN_ITEM | RUN_SET });
	check_used(decoder, body, table, mask + 1);
}

void decode_frozenset(struct decoder *decoder, const struct type_info *type, uint64_t address, struct body body)
{
	decode_set(decoder, type, address, body);
}
