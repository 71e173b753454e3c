/* SPDX-License-Identifier: MIT
 * referrers: who holds an object, reference by reference, and whether its reference count is all accounted for. */
#ifndef PYDS_QUERY_REFERRERS_H
#define PYDS_QUERY_REFERRERS_H

#include "query/bearings.h"
#include "query/type_filter.h"
#include "query/words.h"

enum {
	REFERRERS_NAMED = 1000, /* a name is searched for; beyond that many referrers none is */
	REFERRERS_TYPES = 6, /* types told of where not all referrers have rows */
};

struct referrers_question {
	uint64_t object;
	struct type_filter types; /* of referrers; a holder's is its kind, "frame" */
	uint64_t limit; /* referrers with rows; UINT64_MAX: all */
	bool names_some; /* of more than REFERRERS_NAMED the first ones have names; else none has */
};

/* One reference; those of one referrer follow each other. */
struct referrer_row {
	uint64_t address; /* of the referrer; 0: a holder, which is no object */
	const char *type; /* its name, or the kind of the holder */
	size_t label; /* of the reference; in words */
	size_t name; /* of the referrer; "": none, or none was searched for; in words */
	bool is_named; /* one was searched for */
	bool is_hidden; /* not seen by gc.get_referents() */
	bool is_reachable; /* the referrer */
};

struct referrers_answer {
	uint64_t address;
	const struct type_info *type; /* NULL: it cannot be read */
	struct text description, name; /* names_describe(); what leads to it, "": nothing that has a name */
	ARRAY(struct referrer_row) rows;
	struct text words;
	uint64_t total; /* referrers that pass the filter, with rows or not */
	uint64_t left_out; /* of them, those without rows */
	struct {
		const struct type_info *type;
		uint64_t count;
	} types[REFERRERS_TYPES]; /* of all referrers, most first; count 0: no more of them */
	uint64_t found; /* references, whatever the filter */
	uint64_t unreachable; /* of them, from objects that no root reaches */
	uint64_t sharing; /* dicts more that merely share the keys table with one that is in found */
	int64_t refcount; /* query.h */
	bool is_free_threaded; /* PEP 703: threads count apart, and some references are not counted at all */
};

/* What was found till then is in the answer after ERROR_CANCELLED, too. */
int query_referrers(const struct query *query, const struct bearings *bearings,
                    const struct referrers_question *question, struct referrers_answer *ret_answer);
void referrers_answer_clear(struct referrers_answer *answer);

#endif
