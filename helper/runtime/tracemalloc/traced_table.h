/* SPDX-License-Identifier: MIT
 * traced_table: one of tracemalloc's hash tables in the target (Python/hashtable.c, up to 3.8 Modules/hashtable.c): its
 * head, and its entries one by one. A torn chain ends; it is never followed in a circle. */
#ifndef PYDS_RUNTIME_TRACEMALLOC_TRACED_TABLE_H
#define PYDS_RUNTIME_TRACEMALLOC_TRACED_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "layout/layout.h"
#include "memory/address_space.h"

struct traced_table {
	uint64_t address;
	uint64_t entry_count; /* as the table says */
	uint64_t bucket_count; /* a power of two */
	uint64_t buckets_address;
	const uint8_t *buckets; /* host: bucket_count words, heads of chains */
	uint32_t entry_bytes; /* of one entry, key and value included */
	uint32_t key_offset, value_offset; /* in an entry */
	uint32_t key_bytes; /* 8; 12 in 3.8 where a domain follows the address */
	bool holds_value; /* 3.8: the value itself stands in the entry; since 3.9 its address */
};

/* False: no such table is at address, or what is there is none. */
bool traced_table_open(struct traced_table *table, struct reader *reader, const struct layout *layout,
                       uint64_t address);
/* Bytes that the table takes, as _Py_hashtable_size() counts them. */
uint64_t traced_table_bytes(const struct traced_table *table, const struct layout *layout);

struct traced_cursor {
	const struct traced_table *table;
	struct reader *reader;
	uint64_t bucket; /* the next one */
	uint64_t entry; /* the next of the chain; 0: its end */
	uint64_t given; /* address of the entry that was given last */
	uint64_t passed; /* entries given so far, never more than the table has */
	uint32_t next_offset;
	bool is_torn; /* a chain led to memory that is not there */
};

void traced_cursor_init(struct traced_cursor *cursor, const struct traced_table *table, struct reader *reader,
                        const struct layout *layout);
/* Host address of the next entry; NULL at the end. */
const uint8_t *traced_cursor_next(struct traced_cursor *cursor);
/* Of the entry under this key (in domain 0), looked up as the table does; NULL: there is none. */
const uint8_t *traced_table_find(const struct traced_table *table, struct reader *reader, const struct layout *layout,
                                 uint64_t key);

static inline uint64_t traced_entry_key(const struct traced_table *table, const uint8_t *entry)
{
	return load_u64(entry + table->key_offset);
}

/* Host address of the value of an entry, `bytes` long; NULL: it is not there. */
static inline const uint8_t *traced_entry_value(const struct traced_table *table, struct reader *reader,
                                                const uint8_t *entry, uint32_t bytes)
{
	const uint8_t *value = entry + table->value_offset;
	if (table->holds_value)
		return table->value_offset + bytes <= table->entry_bytes ? value : NULL;
	return reader_at(reader, load_u64(value), bytes);
}

#endif
