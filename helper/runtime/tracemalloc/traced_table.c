/* SPDX-License-Identifier: MIT */
#include "runtime/tracemalloc/traced_table.h"

enum {
	FEWEST_BUCKETS = 16, /* HASHTABLE_MIN_SIZE */
	AHEAD = 12, /* buckets from whose head an entry is fetched before it is looked at */
};

/* A table has at most that many entries for each bucket: HASHTABLE_HIGH is 0.5; more is torn. */
static const uint64_t MOST_BUCKETS = UINT64_C(1) << 34;

bool traced_table_open(struct traced_table *table, struct reader *reader, const struct layout *layout, uint64_t address)
{
	const uint32_t head_bytes = layout->struct_bytes[STRUCT__Py_hashtable_t];
	const uint32_t entry_bytes = layout->struct_bytes[STRUCT__Py_hashtable_entry_t];
	*table = (struct traced_table){ .address = address };
	if (head_bytes == 0 || entry_bytes == 0 || address == 0 || (address & 7) != 0)
		return false;
	const uint8_t *head = reader_at(reader, address, head_bytes);
	if (head == NULL)
		return false;
	table->entry_count = layout_get(layout, FIELD__Py_hashtable_t_nentries, head);
	table->bucket_count = layout_get(layout, FIELD__Py_hashtable_t_nbuckets, head);
	const uint64_t buckets = layout_get(layout, FIELD__Py_hashtable_t_buckets, head);
	if (table->bucket_count < FEWEST_BUCKETS || table->bucket_count > MOST_BUCKETS ||
	    (table->bucket_count & (table->bucket_count - 1)) != 0 || table->entry_count > table->bucket_count ||
	    (buckets & 7) != 0)
		return false;
	table->buckets_address = buckets;
	table->buckets = reader_at(reader, buckets, table->bucket_count * 8);
	table->entry_bytes = entry_bytes;
	table->key_bytes = 8;
	if (layout_has(layout, FIELD__Py_hashtable_entry_t_value)) {
		table->key_offset = layout_offset(layout, FIELD__Py_hashtable_entry_t_key);
		table->value_offset = layout_offset(layout, FIELD__Py_hashtable_entry_t_value);
		return table->buckets != NULL;
	}
	/* Key and value follow the head of an entry, as long as the table says. */
	const uint64_t key_bytes = layout_get(layout, FIELD__Py_hashtable_t_key_size, head);
	const uint64_t data_bytes = layout_get(layout, FIELD__Py_hashtable_t_data_size, head);
	if ((key_bytes != 8 && key_bytes != 12) || data_bytes > 64)
		return false;
	table->holds_value = true;
	table->key_bytes = (uint32_t)key_bytes;
	table->key_offset = entry_bytes;
	table->value_offset = entry_bytes + (uint32_t)key_bytes;
	table->entry_bytes = table->value_offset + (uint32_t)data_bytes;
	return table->buckets != NULL;
}

uint64_t traced_table_bytes(const struct traced_table *table, const struct layout *layout)
{
	return layout->struct_bytes[STRUCT__Py_hashtable_t] + table->bucket_count * 8 +
	       table->entry_count * table->entry_bytes;
}

void traced_cursor_init(struct traced_cursor *cursor, const struct traced_table *table, struct reader *reader,
                        const struct layout *layout)
{
	*cursor = (struct traced_cursor){ .table = table,
		                          .reader = reader,
		                          .next_offset = layout_offset(layout, FIELD__Py_hashtable_entry_t_next) };
}

/* Has the first entry of a chain fetched, so that it is there when its turn comes. */
static void fetch_ahead(struct traced_cursor *cursor)
{
	const struct traced_table *table = cursor->table;
	if (cursor->bucket + AHEAD >= table->bucket_count)
		return;
	const uint64_t head = load_u64(table->buckets + (cursor->bucket + AHEAD) * 8);
	if (head == 0)
		return;
	const struct segment *segment = reader_segment(cursor->reader, head);
	if (segment != NULL && segment->data != NULL && segment->lazy == NULL)
		__builtin_prefetch(segment->data + (head - segment->start));
}

const uint8_t *traced_cursor_next(struct traced_cursor *cursor)
{
	const struct traced_table *table = cursor->table;
	while (cursor->entry == 0) {
		if (cursor->bucket >= table->bucket_count)
			return NULL;
		fetch_ahead(cursor);
		cursor->entry = load_u64(table->buckets + cursor->bucket++ * 8);
	}
	const uint8_t *entry = reader_at(cursor->reader, cursor->entry, table->entry_bytes);
	if (entry == NULL || cursor->passed == table->entry_count) {
		cursor->is_torn = true;
		return NULL;
	}
	cursor->passed++;
	cursor->given = cursor->entry;
	cursor->entry = load_u64(entry + cursor->next_offset);
	return entry;
}

const uint8_t *traced_table_find(const struct traced_table *table, struct reader *reader, const struct layout *layout,
                                 uint64_t key)
{
	const uint32_t next_offset = layout_offset(layout, FIELD__Py_hashtable_entry_t_next);
	/* _Py_HashPointer(): the low bits of an address say little. */
	const uint64_t hash = key >> 4 | key << 60;
	uint64_t at = load_u64(table->buckets + (hash & (table->bucket_count - 1)) * 8);
	for (uint64_t passed = 0; at != 0 && passed < table->entry_count; passed++) {
		const uint8_t *entry = reader_at(reader, at, table->entry_bytes);
		if (entry == NULL)
			return NULL;
		if (traced_entry_key(table, entry) == key &&
		    (table->key_bytes == 8 || load_u32(entry + table->key_offset + 8) == 0))
			return entry;
		at = load_u64(entry + next_offset);
	}
	return NULL;
}
