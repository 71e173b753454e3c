/* SPDX-License-Identifier: MIT
 * native_leads: the blocks of C code that one object leads to by itself: those that its decoder knows, and those that
 * words of its body name which no decoder knows. Whose they are is another question: others may lead there too. */
#ifndef PYDS_QUERY_NATIVE_LEADS_H
#define PYDS_QUERY_NATIVE_LEADS_H

#include "query/query.h"

struct native_lead {
	uint64_t block, bytes;
	uint64_t at; /* of the word; 0: the object's decoder knows the block */
	uint64_t inside; /* bytes into the block that the word points to */
};

struct native_leads_answer {
	ARRAY(struct native_lead) rows; /* largest first, each block once */
	uint64_t count, bytes; /* of all, also those without a row */
	uint64_t estimated; /* of count: only a word that looks like a pointer says so */
};

/* Nothing of an object of a type whose words are all known, and then nothing is looked for. Else makes the whole heap
 * and its native blocks. limit: rows. */
int query_native_leads(const struct query *query, uint64_t object, uint64_t limit,
                       struct native_leads_answer *ret_answer);
void native_leads_clear(struct native_leads_answer *answer);

#endif
