/* SPDX-License-Identifier: MIT
 * reference_count: how many strong references to an object CPython counts, wherever it does: in the head; in
 * free-threaded builds in two words of it and, for some types, in a table of each thread. */
#ifndef PYDS_DECODE_REFERENCE_COUNT_H
#define PYDS_DECODE_REFERENCE_COUNT_H

#include "decode/emit.h"

struct reference_count {
	int64_t count;
	bool is_immortal; /* nobody counts: PEP 683 */
	bool is_deferred; /* references from running frames are not counted (free-threaded: functions, code, classes,
	                     modules and their dicts) */
	bool is_known; /* false: some of it is kept where it cannot be found */
};

/* False: no head of an object can be read at address. */
bool reference_count_read(struct decoder *decoder, uint64_t address, struct reference_count *ret_count);
/* The same where the head's bytes are at hand. */
void reference_count_at(struct decoder *decoder, uint64_t address, const uint8_t *head,
                        struct reference_count *ret_count);

#endif
