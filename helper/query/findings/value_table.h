/* SPDX-License-Identifier: MIT
 * value_table: which values were met how often, told apart by 64 bits of hash: what two of them being equal by chance
 * takes is one in billions of values. */
#ifndef PYDS_QUERY_FINDINGS_VALUE_TABLE_H
#define PYDS_QUERY_FINDINGS_VALUE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct value_table {
	uint64_t *slots; /* hashes; 0: free; open addressing, at most half full */
	size_t mask, count;
};

/* *ret_is_new: it was not met before. False: out of memory. */
bool value_table_add(struct value_table *table, uint64_t hash, bool *ret_is_new);
/* Fetches the place of a value that will be added soon. */
static inline void value_table_prefetch(const struct value_table *table, uint64_t hash)
{
	if (table->slots != NULL)
		__builtin_prefetch(&table->slots[(hash | (hash == 0)) & table->mask], 1);
}
void value_table_clear(struct value_table *table);
uint64_t value_hash(const uint8_t *bytes, size_t length, uint64_t seed);

#endif
