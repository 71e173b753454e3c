/* SPDX-License-Identifier: MIT
 * exception_table: what code object of 3.11 and later cover with handlers (InternalDocs/exception_handling.md). */
#ifndef PYDS_NAMES_EXCEPTION_TABLE_H
#define PYDS_NAMES_EXCEPTION_TABLE_H

#include "base/text.h"
#include "decode/decoder.h"

/* Units are those of the bytecode, 2 bytes each. */
struct exception_entry {
	uint64_t begin, length; /* units that are covered */
	uint64_t target; /* unit of the handler */
	uint64_t depth; /* words that stay on the evaluation stack below what the handler is given */
	bool pushes_instruction; /* the handler is given the number of the instruction beside the exception */
};

struct exception_table {
	struct text bytes;
	size_t at;
};

/* False: the code has none that can be read. exception_table_clear() in any case. */
bool exception_table_open(struct exception_table *ret_table, struct decoder *decoder, uint64_t code);
/* False: no more. */
bool exception_table_next(struct exception_table *table, struct exception_entry *ret_entry);
void exception_table_clear(struct exception_table *table);

#endif
