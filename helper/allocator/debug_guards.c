/* SPDX-License-Identifier: MIT */
#include "allocator/debug_guards.h"

#include "base/bytes.h"

enum { DEBUG_LETTER = 8 };

static const uint64_t guard_bytes = UINT64_C(0xfdfdfdfdfdfdfd); /* PYMEM_FORBIDDENBYTE seven times */

bool debug_guards_at(struct reader *reader, uint64_t address, uint64_t *ret_bytes)
{
	uint64_t behind;
	const uint8_t *before = address >= DEBUG_GUARDS_BEFORE
	                                ? reader_at(reader, address - DEBUG_GUARDS_BEFORE, DEBUG_GUARDS_BEFORE)
	                                : NULL;
	/* The letter of a domain: otherwise it is the end of the block before. */
	if (before == NULL || load_u64(before + DEBUG_LETTER) >> 8 != guard_bytes ||
	    (before[DEBUG_LETTER] != 'r' && before[DEBUG_LETTER] != 'm' && before[DEBUG_LETTER] != 'o'))
		return false;
	*ret_bytes = load_word(before, sizeof *ret_bytes, true);
	return *ret_bytes <= INT64_MAX && reader_u64(reader, address + *ret_bytes, &behind) &&
	       behind == (guard_bytes << 8 | (guard_bytes & 0xff));
}
