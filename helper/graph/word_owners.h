/* SPDX-License-Identifier: MIT
 * word_owners: which words of doubtful runs have been counted as what they are, or are another doubtful run's too: the
 * main thread's state lies in that of its interpreter, and that in static memory. */
#ifndef PYDS_GRAPH_WORD_OWNERS_H
#define PYDS_GRAPH_WORD_OWNERS_H

#include "graph/roots.h"

struct word_owners {
	struct word_span {
		uint64_t start, end;
		uint32_t number; /* of a doubtful run */
	} * certain, *doubtful; /* sorted by start; certain ones do not overlap */
	size_t certain_count;
	struct word_group {
		uint32_t first, count; /* in doubtful[]: runs that overlap, maybe over others */
	} * groups; /* by number of a doubtful run */
};

/* Of the runs of roots as they are; false: out of memory. */
bool word_owners_open(struct word_owners *ret_owners, const struct roots *roots);
void word_owners_close(struct word_owners *owners);

/* Whether the word at address, of a doubtful run, is a certain run's, or one's with a lower number. */
bool word_owners_has(const struct word_owners *owners, uint32_t number, uint64_t address);

#endif
