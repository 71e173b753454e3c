/* SPDX-License-Identifier: MIT
 * word_holders: who refers to an address that is no object: freed, torn, or not in the dump. The graph has no node for
 * it, so all objects and all roots are looked through. */
#ifndef PYDS_QUERY_WORD_HOLDERS_H
#define PYDS_QUERY_WORD_HOLDERS_H

#include "base/array.h"
#include "query/query.h"

struct word_holder {
	uint64_t address; /* of the object that refers; 0: a root does */
	const struct type_info *type; /* NULL: a root */
	struct text label; /* "[3]", "local rows"; escaped */
	struct text name; /* of the object, or the root in words; escaped */
};

struct word_holders_question {
	uint64_t address;
	uint64_t limit; /* rows; UINT64_MAX: all */
};

struct word_holders_answer {
	ARRAY(struct word_holder) rows; /* roots first, then objects by address */
	uint64_t references;
	enum memory_state state; /* of the address */
	struct coverage coverage;
};

int query_word_holders(const struct query *query, const struct word_holders_question *question,
                       struct word_holders_answer *ret_answer);
void word_holders_answer_clear(struct word_holders_answer *answer);

#endif
