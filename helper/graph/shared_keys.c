/* SPDX-License-Identifier: MIT */
#include "graph/shared_keys.h"

#include "object/keys_table.h"

static int compare_addresses(const void *left, const void *right)
{
	const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
	return a < b ? -1 : a > b;
}

bool shared_keys_add(struct shared_keys *keys, const struct shared_keys *others)
{
	for (size_t i = 0; i < others->tables.count; i++)
		if (!array_push(&keys->tables, others->tables.items[i]))
			return false;
	return true;
}

void shared_keys_each(struct shared_keys *keys, struct decoder *decoder, void (*count)(void *context, uint64_t key),
                      void *context)
{
	if (keys->tables.count > 0)
		qsort(keys->tables.items, keys->tables.count, sizeof *keys->tables.items, compare_addresses);
	for (size_t i = 0; i < keys->tables.count; i++) {
		struct keys_table table;
		if ((i > 0 && keys->tables.items[i] == keys->tables.items[i - 1]) ||
		    !keys_table_read(&decoder->objects, keys->tables.items[i], &table))
			continue;
		for (uint64_t entry = 0; entry < table.entry_count; entry++) {
			uint64_t key;
			const uint64_t slot = table.entries + entry * table.entry_bytes + table.key_offset;
			if (reader_u64(&decoder->reader, slot, &key) && key != 0)
				count(context, key);
		}
	}
}

void shared_keys_clear(struct shared_keys *keys)
{
	array_free(&keys->tables);
}
