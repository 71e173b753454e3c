/* SPDX-License-Identifier: MIT */
#include "names/exception_table.h"

#include "base/limits.h"
#include "object/value.h"

bool exception_table_open(struct exception_table *ret_table, struct decoder *decoder, uint64_t code)
{
	uint64_t address;
	*ret_table = (struct exception_table){ .at = 0 };
	return value_field(&decoder->objects, code, FIELD_PyCodeObject_co_exceptiontable, &address) &&
	       value_bytes(&decoder->objects, address, LIMIT_LINE_TABLE_BYTES, &ret_table->bytes) >= 0;
}

/* Groups of six bits, the first ones first; bit 6 says that more follow. */
static bool read_number(struct exception_table *table, uint64_t *ret_number)
{
	enum { GROUPS_MOST = 10 };
	uint64_t number = 0;
	for (unsigned i = 0; i < GROUPS_MOST && table->at < table->bytes.length; i++) {
		const uint8_t byte = (uint8_t)table->bytes.bytes[table->at++];
		number = number << 6 | (byte & 0x3f);
		if (!(byte & 0x40)) {
			*ret_number = number;
			return true;
		}
	}
	return false;
}

bool exception_table_next(struct exception_table *table, struct exception_entry *ret_entry)
{
	uint64_t depth;
	if (!read_number(table, &ret_entry->begin) || !read_number(table, &ret_entry->length) ||
	    !read_number(table, &ret_entry->target) || !read_number(table, &depth))
		return false;
	ret_entry->depth = depth >> 1;
	ret_entry->pushes_instruction = (depth & 1) != 0;
	return true;
}

void exception_table_clear(struct exception_table *table)
{
	text_free(&table->bytes);
}
