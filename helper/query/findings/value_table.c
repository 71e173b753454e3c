/* SPDX-License-Identifier: MIT */
#include "query/findings/value_table.h"

#include <stdlib.h>

#include "base/bytes.h"

enum { FIRST_SLOTS = 1 << 12 };

static uint64_t mix(uint64_t value)
{
	/* the finalizer of splitmix64 */
	value = (value ^ value >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	value = (value ^ value >> 27) * UINT64_C(0x94D049BB133111EB);
	return value ^ value >> 31;
}

uint64_t value_hash(const uint8_t *bytes, size_t length, uint64_t seed)
{
	uint64_t hash = mix(seed ^ length * UINT64_C(0x9E3779B97F4A7C15));
	for (; length >= 8; bytes += 8, length -= 8)
		hash = mix(hash ^ load_u64(bytes)) + UINT64_C(0x9E3779B97F4A7C15);
	uint64_t rest = 0;
	for (size_t i = 0; i < length; i++)
		rest |= (uint64_t)bytes[i] << 8 * i;
	return mix(hash ^ rest);
}

static bool grow(struct value_table *table)
{
	const size_t count = table->slots != NULL ? (table->mask + 1) * 2 : FIRST_SLOTS;
	uint64_t *slots = calloc(count, sizeof *slots);
	if (slots == NULL)
		return false;
	for (size_t i = 0; table->slots != NULL && i <= table->mask; i++) {
		if (table->slots[i] == 0)
			continue;
		size_t at = table->slots[i];
		while (slots[at & (count - 1)] != 0)
			at++;
		slots[at & (count - 1)] = table->slots[i];
	}
	free(table->slots);
	table->slots = slots;
	table->mask = count - 1;
	return true;
}

bool value_table_add(struct value_table *table, uint64_t hash, bool *ret_is_new)
{
	hash |= hash == 0;
	if ((table->slots == NULL || table->count * 2 > table->mask) && !grow(table))
		return false;
	size_t at = hash;
	while (table->slots[at & table->mask] != 0 && table->slots[at & table->mask] != hash)
		at++;
	*ret_is_new = table->slots[at & table->mask] == 0;
	table->slots[at & table->mask] = hash;
	table->count += *ret_is_new;
	return true;
}

void value_table_clear(struct value_table *table)
{
	free(table->slots);
	*table = (struct value_table){ .slots = NULL };
}
