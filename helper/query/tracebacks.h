/* SPDX-License-Identifier: MIT
 * tracebacks: exceptions that are alive though nobody handles them, with the frames that their tracebacks keep. Those
 * of one type that came the same way are one group. */
#ifndef PYDS_QUERY_TRACEBACKS_H
#define PYDS_QUERY_TRACEBACKS_H

#include "query/query.h"

struct traceback_place {
	struct python_frame frame; /* where the code is in it; last_instruction is that of the traceback */
	int64_t line; /* 0: unknown */
	uint64_t frame_object;
	uint64_t retained; /* bytes that the frame object alone keeps alive */
	uint64_t local, local_name, local_retained; /* its local that retains most; local 0: none */
};

enum traceback_keeper {
	KEEPER_UNKNOWN,
	KEEPER_TASK, /* an asyncio future or task that nobody asked for its exception */
	KEEPER_EXCEPTION, /* another exception, as its cause or context */
	KEEPER_GROUP, /* an exception group that it is in */
	KEEPER_CONTAINER, /* a list, dict or other object of the program */
	KEEPER_FRAME, /* a local of a frame that runs */
	KEEPER_SYS, /* sys.last_exc, sys.last_value */
	KEEPER_RECORD, /* a logging record */
};

struct traceback_group {
	const struct type_info *type;
	uint32_t count;
	uint64_t first; /* the exception at the lowest address */
	uint64_t retained; /* bytes that would go if all of the group went */
	ARRAY(struct traceback_place) places; /* of the first; outermost frame first, as Python prints them */
	uint32_t heaviest; /* the place whose local retains most; UINT32_MAX: none */
	const struct type_info *cause, *context; /* types of what the first came from; NULL */
	uint32_t members; /* exceptions in it, of an exception group */
	enum traceback_keeper keeper;
	uint32_t keeper_number; /* of the dominator tree: what alone keeps the first; UINT32_MAX: garbage */
	struct text kept_by; /* the keeper in words, of groups that were to have them; else "" */
};

struct tracebacks_answer {
	ARRAY(struct traceback_group) groups; /* those that retain most first */
	uint64_t exceptions; /* alive, with a traceback or not, handled or not */
	uint64_t handled; /* of these, in the hands of a handler now, one that is suspended too */
	struct coverage coverage;
};

/* All of them; with_words: the first so many groups have their keeper in words. */
int query_tracebacks(const struct query *query, uint64_t with_words, struct tracebacks_answer *ret_answer);
void tracebacks_answer_clear(struct tracebacks_answer *answer);

#endif
