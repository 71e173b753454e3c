/* SPDX-License-Identifier: MIT */
#include "decode/keys_table.h"

enum { MOST_LOG2_SIZE = 48 };

/* Up to 3.10: dk_size slots, an index of 1, 2, 4 or 8 bytes each, entries of three words; what may be a key shows only
 * in the lookup function (Objects/dictobject.c DK_IXSIZE, USABLE_FRACTION). */
static bool read_counted(struct decoder *decoder, const uint8_t *head, struct keys_table *table, uint64_t *ret_slots)
{
	const struct layout *layout = decoder->layout;
	uint64_t slots = load_u64(head + layout_offset(layout, FIELD_PyDictKeysObject_dk_size));
	if (slots == 0 || slots > UINT64_C(1) << MOST_LOG2_SIZE || (slots & (slots - 1)) != 0)
		return false;
	uint64_t index_bytes = slots <= 0xff ? 1 : slots <= 0xffff ? 2 : slots <= 0xffffffff ? 4 : 8;
	table->entries =
	        table->address + layout_offset(layout, FIELD_PyDictKeysObject_dk_indices) + index_bytes * slots;
	table->keys_are_visited = load_u64(head + layout_offset(layout, FIELD_PyDictKeysObject_dk_lookup)) ==
	                          decoder->context->general_lookup;
	*ret_slots = slots;
	return true;
}

/* Since 3.11: sizes as powers of two, and a kind: 0 general, 1 str keys, 2 split. */
static bool read_logarithmic(struct decoder *decoder, const uint8_t *head, struct keys_table *table,
                             uint64_t *ret_slots)
{
	const struct layout *layout = decoder->layout;
	uint8_t log2_size = head[layout_offset(layout, FIELD_PyDictKeysObject_dk_log2_size)];
	uint8_t log2_index_bytes = head[layout_offset(layout, FIELD_PyDictKeysObject_dk_log2_index_bytes)];
	uint8_t kind = head[layout_offset(layout, FIELD_PyDictKeysObject_dk_kind)];
	if (log2_size > MOST_LOG2_SIZE || log2_index_bytes > MOST_LOG2_SIZE + 3 || kind > 2)
		return false;
	table->entries = table->address + layout_offset(layout, FIELD_PyDictKeysObject_dk_indices) +
	                 (UINT64_C(1) << log2_index_bytes);
	table->keys_are_visited = kind == 0;
	*ret_slots = UINT64_C(1) << log2_size;
	return true;
}

bool keys_table_read(struct decoder *decoder, uint64_t address, struct keys_table *ret_table)
{
	const struct layout *layout = decoder->layout;
	const uint8_t *head = reader_at(&decoder->reader, address, layout->struct_bytes[STRUCT_PyDictKeysObject]);
	if (head == NULL)
		return false;
	struct keys_table table = { .address = address };
	table.reference_count = load_i64(head + layout_offset(layout, FIELD_PyDictKeysObject_dk_refcnt));
	table.usable = load_u64(head + layout_offset(layout, FIELD_PyDictKeysObject_dk_usable));
	table.entry_count = load_u64(head + layout_offset(layout, FIELD_PyDictKeysObject_dk_nentries));
	uint64_t slots;
	bool is_logarithmic = layout_has(layout, FIELD_PyDictKeysObject_dk_log2_size);
	if (!(is_logarithmic ? read_logarithmic : read_counted)(decoder, head, &table, &slots))
		return false;
	/* Entries without a hash exist since 3.11, for tables whose keys are all str. */
	bool is_short = is_logarithmic && !table.keys_are_visited;
	table.entry_bytes = layout->struct_bytes[is_short ? STRUCT_PyDictUnicodeEntry : STRUCT_PyDictKeyEntry];
	table.key_offset =
	        layout_offset(layout, is_short ? FIELD_PyDictUnicodeEntry_me_key : FIELD_PyDictKeyEntry_me_key);
	table.value_offset =
	        layout_offset(layout, is_short ? FIELD_PyDictUnicodeEntry_me_value : FIELD_PyDictKeyEntry_me_value);
	uint64_t most = (slots << 1) / 3;
	if (table.entry_count > most || table.usable > most)
		return false;
	table.bytes = table.entries - address + most * table.entry_bytes;
	*ret_table = table;
	return true;
}

/* 3.11 and 3.12: a prefix of insertion order bytes, its length in the byte before the values. It tells within a word
 * how many values there was room for: as many as the class still had names for when the array was made (new_values). */
static void emit_prefixed_values(struct decoder *decoder, uint64_t values, struct block *block)
{
	const uint8_t *last = reader_at(&decoder->reader, values - 1, 1);
	if (last == NULL || *last < sizeof(uint64_t) || *last % sizeof(uint64_t) != 0)
		return;
	const uint64_t prefix = *last, room = prefix - 2;
	const uint64_t least = prefix > sizeof(uint64_t) ? room - (sizeof(uint64_t) - 1) : 0;
	block->address = values - prefix;
	block->uncounted = prefix;
	block->bytes = prefix + (block->bytes < 8 * room ? block->bytes : 8 * room);
	if (block->bytes < prefix + 8 * least)
		block->bytes = prefix + 8 * least;
	block->most = prefix + 8 * room;
	emit_whole_block(decoder, block);
}

void emit_separate_values(struct decoder *decoder, const struct keys_table *keys, uint64_t values, uint64_t counted,
                          const char *role, uint32_t flags)
{
	const struct layout *layout = decoder->layout;
	const uint64_t bytes = 8 * (flags & BLOCK_COUNTED ? counted : keys->entry_count + keys->usable);
	struct block block = { .address = values, .bytes = bytes, .most = bytes, .role = role, .flags = flags };
	if (layout_feature(layout, FEATURE_INLINE_VALUES)) {
		/* 3.13+: capacity and three bytes more, the values, insertion order bytes; made when a dict lost its
		 * instance. */
		const uint8_t *head = reader_at(&decoder->reader, values, sizeof(uint64_t));
		if (head == NULL)
			return;
		const uint64_t capacity = head[layout_offset(layout, FIELD_PyDictValues_capacity)];
		block.bytes = block.most = layout_offset(layout, FIELD_PyDictValues_values) + 8 * capacity +
		                           round_up(capacity, sizeof(uint64_t));
		block.uncounted = block.bytes > bytes ? block.bytes - bytes : 0;
		emit_whole_block(decoder, &block);
	} else if (layout_feature(layout, FEATURE_MANAGED_DICT)) {
		emit_prefixed_values(decoder, values, &block);
	} else {
		emit_whole_block(decoder, &block);
	}
}
