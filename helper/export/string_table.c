/* SPDX-License-Identifier: MIT */
#include "export/string_table.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SLOTS = 1 << 10 };

static uint64_t hash_bytes(const char *bytes, size_t length)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a; the multiplication below spreads it to the low bits */
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
	return (hash ^ hash >> 32) * UINT64_C(0x9e3779b97f4a7c15) >> 16;
}

const char *string_table_at(const struct string_table *table, uint32_t number, size_t *ret_length)
{
	const uint64_t start = table->starts.items[number];
	const uint64_t end = number + 1 < table->starts.count ? table->starts.items[number + 1] : table->used;
	*ret_length = end - start;
	return table->bytes + start;
}

/* Where a string is or would be. */
static uint32_t *find_slot(const struct string_table *table, uint64_t hash, const char *bytes, size_t length)
{
	for (uint64_t i = hash;; i++) {
		uint32_t *slot = &table->slots[i & table->mask];
		size_t found_length;
		if (*slot == 0)
			return slot;
		const char *found = string_table_at(table, *slot - 1, &found_length);
		if (found_length == length && memcmp(found, bytes, length) == 0)
			return slot;
	}
}

static int grow_slots(struct string_table *table)
{
	const uint64_t count = table->mask == 0 ? FIRST_SLOTS : 2 * (table->mask + 1);
	uint32_t *slots = calloc(count, sizeof *slots);
	if (slots == NULL)
		return -1;
	free(table->slots);
	table->slots = slots;
	table->mask = count - 1;
	for (uint32_t number = 0; number < table->starts.count; number++) {
		size_t length;
		const char *bytes = string_table_at(table, number, &length);
		*find_slot(table, hash_bytes(bytes, length), bytes, length) = number + 1;
	}
	return 0;
}

uint32_t string_table_add(struct string_table *table, const char *bytes, size_t length)
{
	if ((table->starts.count + 1) * 2 > table->mask && grow_slots(table) < 0)
		return UINT32_MAX;
	uint32_t *slot = find_slot(table, hash_bytes(bytes, length), bytes, length);
	if (*slot != 0)
		return *slot - 1;
	if (table->capacity - table->used < length + 1) {
		const size_t capacity = 2 * table->capacity + length + 4096;
		char *grown = realloc(table->bytes, capacity);
		if (grown == NULL)
			return UINT32_MAX;
		table->bytes = grown;
		table->capacity = capacity;
	}
	if (table->starts.count >= UINT32_MAX - 1 || !array_push(&table->starts, table->used))
		return UINT32_MAX;
	if (length > 0)
		memcpy(table->bytes + table->used, bytes, length);
	table->used += length;
	*slot = (uint32_t)table->starts.count;
	return *slot - 1;
}

void string_table_clear(struct string_table *table)
{
	free(table->bytes);
	free(table->slots);
	array_free(&table->starts);
	*table = (struct string_table){ .bytes = NULL };
}
