/* SPDX-License-Identifier: MIT
 * native: the largest blocks of C code, the objects that they hang on, and sums by type of owner and by size. */
#ifndef PYDS_QUERY_NATIVE_H
#define PYDS_QUERY_NATIVE_H

#include "query/query.h"

/* A name is searched for, and that of an item of a long list takes as long as the list is: so many are given. */
enum { NATIVE_NAMED = 1000 };

struct native_question {
	uint64_t min_bytes; /* only blocks at least as large have a row */
	uint64_t limit; /* rows of each list */
	uint64_t named; /* of the largest rows so many have a name */
};

struct native_row {
	struct native_block block;
	uint64_t owner; /* object; 0: none */
	const struct type_info *type; /* of the owner; NULL */
	struct text name; /* of the owner, or of the file whose variables lead to it; not escaped; "" without one */
};

struct native_owner { /* a type, or what is no type */
	const struct type_info *type; /* NULL: words */
	const char *words; /* a literal, or a file's path */
	bool is_garbage; /* objects of the type that no root reaches: rows of their own */
	uint64_t count, bytes;
	uint64_t example; /* an owner that is an object, or one of the blocks that nothing seen leads to; 0 */
};

enum { NATIVE_SIZES = 40 };

struct native_answer {
	ARRAY(struct native_row) rows; /* largest first */
	ARRAY(struct native_owner) owners; /* largest first */
	struct native_total sizes[NATIVE_SIZES]; /* by power of two: of 2^i up to less than 2^(i + 1) bytes */
	struct native_total holders[NATIVE_UNSEEN + 1], all;
	struct native_total unseen_sizes[NATIVE_SIZES]; /* of those that nothing seen leads to */
	uint64_t unseen_examples[NATIVE_SIZES]; /* one of each */
	unsigned unseen_most; /* index of the size that has most bytes of these */
	uint64_t matching; /* blocks that passed */
	const char *refusal; /* why there is none: malloc's heaps do not confirm themselves, or there are none; NULL */
	struct coverage coverage;
};

int query_native(const struct query *query, const struct native_question *question, struct native_answer *ret_answer);
void native_answer_clear(struct native_answer *answer);

/* The object that a block hangs on; 0: several that only a holder has in common, or none. Needs the heap. */
uint64_t native_owner_object(const struct query *query, const struct native_block *block);

#endif
