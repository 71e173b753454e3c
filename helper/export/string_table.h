/* SPDX-License-Identifier: MIT
 * string_table: strings of an export, each once, numbered from 0 in the order they came in. */
#ifndef PYDS_EXPORT_STRING_TABLE_H
#define PYDS_EXPORT_STRING_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/array.h"

struct string_table {
	char *bytes; /* all of them behind each other */
	size_t used, capacity;
	ARRAY(uint64_t) starts; /* by number: offset in bytes; the end of the last one is `used` */
	uint32_t *slots; /* open addressing: number + 1; 0: free */
	uint64_t mask; /* slots - 1; 0: none were made */
};

/* The number of a string, new or known; UINT32_MAX: out of memory. */
uint32_t string_table_add(struct string_table *table, const char *bytes, size_t length);
/* By number; borrowed until the next one is added. */
const char *string_table_at(const struct string_table *table, uint32_t number, size_t *ret_length);
void string_table_clear(struct string_table *table);

#endif
