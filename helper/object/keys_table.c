/* SPDX-License-Identifier: MIT */
#include "object/keys_table.h"

enum { MOST_LOG2_SIZE = 48 };

/* Up to 3.10: dk_size slots, an index of 1, 2, 4 or 8 bytes each, entries of three words; what may be a key shows only
 * in the lookup function (Objects/dictobject.c DK_IXSIZE, USABLE_FRACTION). */
static bool read_counted(struct object_reader *objects, const uint8_t *head, struct keys_table *table,
                         uint64_t *ret_slots)
{
	const struct layout *layout = objects->layout;
	uint64_t slots = load_u64(head + layout_offset(layout, FIELD_PyDictKeysObject_dk_size));
	if (slots == 0 || slots > UINT64_C(1) << MOST_LOG2_SIZE || (slots & (slots - 1)) != 0)
		return false;
	uint64_t index_bytes = slots <= 0xff ? 1 : slots <= 0xffff ? 2 : slots <= 0xffffffff ? 4 : 8;
	table->entries =
	        table->address + layout_offset(layout, FIELD_PyDictKeysObject_dk_indices) + index_bytes * slots;
	table->keys_are_visited = load_u64(head + layout_offset(layout, FIELD_PyDictKeysObject_dk_lookup)) ==
	                          objects->facts->general_lookup;
	*ret_slots = slots;
	return true;
}

/* Since 3.11: sizes as powers of two, and a kind: 0 general, 1 str keys, 2 split. */
static bool read_logarithmic(struct object_reader *objects, const uint8_t *head, struct keys_table *table,
                             uint64_t *ret_slots)
{
	const struct layout *layout = objects->layout;
	uint8_t log2_size = head[layout_offset(layout, FIELD_PyDictKeysObject_dk_log2_size)];
	uint8_t log2_index_bytes = head[layout_offset(layout, FIELD_PyDictKeysObject_dk_log2_index_bytes)];
	uint8_t kind = head[layout_offset(layout, FIELD_PyDictKeysObject_dk_kind)];
	/* new_keys_object(): as many bytes for an index as its numbers need. The table of all empty dicts has 8. */
	const unsigned log2_index = (log2_size >= 8) + (log2_size >= 16) + (log2_size >= 32);
	if (log2_size > MOST_LOG2_SIZE || kind > 2 ||
	    (log2_index_bytes != log2_size + log2_index && (log2_size != 0 || log2_index_bytes != 3)))
		return false;
	table->entries = table->address + layout_offset(layout, FIELD_PyDictKeysObject_dk_indices) +
	                 (UINT64_C(1) << log2_index_bytes);
	table->keys_are_visited = kind == 0;
	*ret_slots = UINT64_C(1) << log2_size;
	return true;
}

bool keys_table_read(struct object_reader *objects, uint64_t address, struct keys_table *ret_table)
{
	const struct layout *layout = objects->layout;
	const uint8_t *head = reader_at(objects->reader, address, layout->struct_bytes[STRUCT_PyDictKeysObject]);
	if (head == NULL)
		return false;
	struct keys_table table = { .address = address };
	table.reference_count = load_i64(head + layout_offset(layout, FIELD_PyDictKeysObject_dk_refcnt));
	table.usable = load_u64(head + layout_offset(layout, FIELD_PyDictKeysObject_dk_usable));
	table.entry_count = load_u64(head + layout_offset(layout, FIELD_PyDictKeysObject_dk_nentries));
	uint64_t slots;
	bool is_logarithmic = layout_has(layout, FIELD_PyDictKeysObject_dk_log2_size);
	if (!(is_logarithmic ? read_logarithmic : read_counted)(objects, head, &table, &slots))
		return false;
	/* Entries without a hash exist since 3.11, for tables whose keys are all str. */
	bool is_short = is_logarithmic && !table.keys_are_visited;
	table.entry_bytes = layout->struct_bytes[is_short ? STRUCT_PyDictUnicodeEntry : STRUCT_PyDictKeyEntry];
	table.key_offset =
	        layout_offset(layout, is_short ? FIELD_PyDictUnicodeEntry_me_key : FIELD_PyDictKeyEntry_me_key);
	table.value_offset =
	        layout_offset(layout, is_short ? FIELD_PyDictUnicodeEntry_me_value : FIELD_PyDictKeyEntry_me_value);
	/* USABLE_FRACTION; what is used is no longer usable. */
	uint64_t most = (slots << 1) / 3;
	if (table.entry_count > most || table.usable > most - table.entry_count)
		return false;
	table.bytes = table.entries - address + most * table.entry_bytes;
	*ret_table = table;
	return true;
}
