/* SPDX-License-Identifier: MIT */
#include "graph/shared_keys.h"

#include "base/sort.h"
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

int shared_keys_each(struct shared_keys *keys, struct decoder *decoder, const struct shared_keys_visitor *visitor,
                     const struct progress *progress)
{
	uint64_t steps = 0;
	TRY(sort_items(keys->tables.items, keys->tables.count, sizeof *keys->tables.items, compare_addresses,
	               progress));
	for (size_t i = 0; i < keys->tables.count; i++) {
		struct keys_table table;
		if ((i > 0 && keys->tables.items[i] == keys->tables.items[i - 1]) ||
		    !keys_table_read(&decoder->objects, keys->tables.items[i], &table))
			continue;
		for (uint64_t entry = 0; entry < table.entry_count; entry++) {
			uint64_t key;
			const uint64_t slot = table.entries + entry * table.entry_bytes + table.key_offset;
			TRY(progress_look(progress, &steps));
			if (reader_u64(&decoder->reader, slot, &key) && key != 0)
				visitor->count(visitor->context, key);
		}
	}
	return OK;
}

void shared_keys_clear(struct shared_keys *keys)
{
	array_free(&keys->tables);
}
