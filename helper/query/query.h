/* SPDX-License-Identifier: MIT
 * query: one question about a target, one answer as a struct. A file query/NAME.[ch] has struct NAME_question, struct
 * NAME_answer, query_NAME() and NAME_answer_clear(); nothing in this layer prints, and nothing that an answer lacks is
 * looked up by who shows it. Reports, exports, SQL and findings all ask here.
 *
 * An answer owns its strings and rows, and borrows from the target what the target keeps till it is closed: types and
 * their names. After a failure it may be asked to be cleared, and holds what was found till then. */
#ifndef PYDS_QUERY_QUERY_H
#define PYDS_QUERY_QUERY_H

#include "base/progress.h"
#include "names/names.h"
#include "target/target.h"

/* How a question is asked. */
struct query {
	struct target *target;
	struct name_options names; /* what of the target's words may be shown */
	enum size_measure measure; /* of all sums in the answer */
	bool no_native; /* nobody wants bytes of C code beside them */
	uint64_t native_most; /* as much work, in blocks, is done for these; 0: nobody says */
	struct progress *progress; /* NULL: nobody waits */
	struct error *error;
};

/* The whole heap in the query's measure; borrowed from the target, which builds it for the first who asks. */
static inline int query_heap(const struct query *query, const struct retained **ret_heap)
{
	return target_heap(query->target, query->measure, query->progress, ret_heap, query->error);
}

/* The target's walk with nothing visited, in the query's measure. */
static inline int query_walk(const struct query *query, struct walk **ret_walk)
{
	const struct retained *heap;
	if (query->measure == SIZE_NATIVE)
		TRY(query_heap(query, &heap));
	return target_walk(query->target, query->measure, ret_walk, query->error);
}

static inline bool query_is_cancelled(const struct query *query)
{
	return progress_is_cancelled(query->progress);
}

/* ERROR_CANCELLED with a sentence. */
int query_cancelled(const struct query *query);
/* ERROR_NO_MEMORY, "out of memory for <what>". */
int query_no_memory(const struct query *query, const char *what);

/* The type of an object; NULL: none can be read. */
const struct type_info *query_type_at(struct decoder *decoder, uint64_t object);
static inline const struct type_info *query_type(const struct query *query, uint64_t object)
{
	return query_type_at(&query->target->naming, object);
}

/* What an object looked like when it was decoded. */
struct object_state {
	const struct type_info *type; /* NULL: there is no object */
	uint32_t flags; /* enum decoded_flag */
	const char *reason; /* a literal; NULL: nothing to say */
};
/* Decodes an object by the target's `decoder`, which keeps it till it decodes the next one. ERROR_NOT_FOUND: there is
 * none at this address. */
int query_decode(const struct query *query, uint64_t object, struct object_state *ret_state);

/* The reference count of an object, or why there is none. */
enum { REFCOUNT_IMMORTAL = -1, REFCOUNT_UNREADABLE = -2 };
int64_t query_refcount(struct decoder *decoder, uint64_t object);

/* The order of rows: more bytes first, then the lower address. */
int query_compare_bytes(uint64_t left_bytes, uint64_t left_address, uint64_t right_bytes, uint64_t right_address);

#endif
