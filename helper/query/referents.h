/* SPDX-License-Identifier: MIT
 * referents: every strong reference that an object owns. */
#ifndef PYDS_QUERY_REFERENTS_H
#define PYDS_QUERY_REFERENTS_H

#include "base/array.h"
#include "query/query.h"
#include "query/type_filter.h"
#include "query/words.h"

enum referents_order { REFERENTS_AS_HELD, REFERENTS_BY_SHALLOW, REFERENTS_BY_TYPE }; /* as the keys of commands.def */

struct referents_question {
	uint64_t object;
	struct type_filter types; /* of what is referred to */
	uint64_t min_bytes; /* only what is as large itself */
	uint64_t limit; /* rows; UINT64_MAX: all */
	enum referents_order order;
	bool with_descriptions;
	bool with_blocks; /* also what memory of C code refers to that it has: may take the whole heap */
};

struct referent {
	uint64_t address;
	const struct type_info *type; /* NULL: not an object, or one that is not in the dump */
	uint64_t shallow;
	size_t label, description; /* in words; a description where it is an object and the question wants them */
	bool is_absent; /* it, or a part of it, is not in the dump */
	bool is_hidden; /* not seen by gc.get_referents() */
	bool is_estimate; /* a word in memory of C code that the object leads to: graph/heap/block_references.h */
};

struct referents_answer {
	uint64_t address;
	const struct type_info *type; /* NULL: there is no object */
	struct text description; /* names_describe() */
	int64_t refcount; /* query.h */
	ARRAY(struct referent) rows;
	struct text words;
	uint64_t total, hidden, estimated; /* references, also those without a row; of them hidden, estimates */
	struct text no_blocks; /* why memory of C code, though wanted, was not looked at; "" */
	uint64_t left_out; /* references that pass the filters and have no row */
	struct object_state state; /* of the object itself */
	struct coverage coverage; /* of the object itself, and of what it refers to where that cannot be read */
};

/* ERROR_NOT_FOUND: there is no object at this address. What was found till then is in the answer after
 * ERROR_CANCELLED, too. Decodes the object by the target's `decoder`, which keeps it. */
int query_referents(const struct query *query, const struct referents_question *question,
                    struct referents_answer *ret_answer);
void referents_answer_clear(struct referents_answer *answer);

#endif
