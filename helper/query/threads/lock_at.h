/* SPDX-License-Identifier: MIT
 * lock_at: of an object that threads wait for, who has it and who waits: what `threads` says, of one lock. */
#ifndef PYDS_QUERY_LOCK_AT_H
#define PYDS_QUERY_LOCK_AT_H

#include "base/array.h"
#include "query/threads/lock.h"
#include "query/threads/threads.h"

struct lock_thread {
	uint64_t id; /* native */
	struct text name; /* not escaped; "": threading does not know it */
};

struct lock_answer {
	enum lock_kind kind; /* LOCK_NONE: the object is no lock, and nothing else is filled */
	struct lock_state state;
	bool is_held; /* by owner */
	enum owner_source source; /* how that is known */
	struct lock_thread owner;
	ARRAY(struct lock_thread) waiters; /* in the order of runtime->threads */
};

int query_lock_at(const struct query *query, uint64_t object, struct lock_answer *ret_answer);
void lock_answer_clear(struct lock_answer *answer);

#endif
