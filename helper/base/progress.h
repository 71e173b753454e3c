/* SPDX-License-Identifier: MIT
 * progress: how far long work is, and whether somebody wants it to end. Shared between the thread that works, the crew
 * that helps it and the thread that waits: one object and one interval for every loop over target data, from opening to
 * the last row of an answer. All functions take NULL for "nobody asks". */
#ifndef PYDS_BASE_PROGRESS_H
#define PYDS_BASE_PROGRESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct progress {
	atomic_bool cancel; /* set by who waits: work stops within PROGRESS_INTERVAL steps of each thread */
	_Atomic uint64_t done; /* objects, counted once for each pass over them */
	_Atomic uint64_t total; /* what done will be in the end; 0: not known yet */
	/* For tests: how often somebody looked whether to go on (of several threads not every one is counted), and the
	 * look that is to find it cancelled; 0: none. So they measure in steps of loops how soon work ends. */
	_Atomic uint64_t looks;
	uint64_t cancel_at;
};

/* Steps between two looks. A step is an object, a slot, a word: what takes nanoseconds to a microsecond. */
enum { PROGRESS_INTERVAL = 4096 };

static inline bool progress_is_cancelled(const struct progress *given)
{
	/* C11 has no atomic load of a const object. */
	struct progress *progress = (struct progress *)given;
	if (progress == NULL)
		return false;
	const uint64_t looks = atomic_load_explicit(&progress->looks, memory_order_relaxed) + 1;
	atomic_store_explicit(&progress->looks, looks, memory_order_relaxed);
	if (__builtin_expect(progress->cancel_at != 0 && looks >= progress->cancel_at, 0))
		atomic_store_explicit(&progress->cancel, true, memory_order_relaxed);
	return atomic_load_explicit(&progress->cancel, memory_order_relaxed);
}

static inline void progress_cancel(struct progress *progress)
{
	atomic_store_explicit(&progress->cancel, true, memory_order_relaxed);
}

/* `more` done at once; ERROR_CANCELLED, without a sentence, if it is enough. */
static inline int progress_add(struct progress *progress, uint64_t more)
{
	if (progress == NULL)
		return OK;
	atomic_fetch_add_explicit(&progress->done, more, memory_order_relaxed);
	return progress_is_cancelled(progress) ? ERROR_CANCELLED : OK;
}

/* One more object is done; *steps is the loop's own count. ERROR_CANCELLED, without a sentence, if it is enough. */
static inline int progress_step(struct progress *progress, uint64_t *steps)
{
	return __builtin_expect(++*steps % PROGRESS_INTERVAL == 0, 0) ? progress_add(progress, PROGRESS_INTERVAL) : OK;
}

/* The same of steps that are no progress: slots, words, objects that were done before. */
static inline int progress_look(const struct progress *progress, uint64_t *steps)
{
	return __builtin_expect(++*steps % PROGRESS_INTERVAL == 0, 0) && progress_is_cancelled(progress)
	               ? ERROR_CANCELLED
	               : OK;
}

/* What was counted so far was another kind of work. */
static inline void progress_begin(struct progress *progress)
{
	if (progress == NULL)
		return;
	atomic_store_explicit(&progress->total, 0, memory_order_relaxed);
	atomic_store_explicit(&progress->done, 0, memory_order_relaxed);
}

/* From now on `more` will be done, and nothing else that is known. */
static inline void progress_expect(struct progress *progress, uint64_t more)
{
	if (progress != NULL)
		atomic_store_explicit(&progress->total,
		                      atomic_load_explicit(&progress->done, memory_order_relaxed) + more,
		                      memory_order_relaxed);
}

/* ERROR_CANCELLED with a sentence. */
int progress_cancelled(struct error *error);
/* OK, or ERROR_CANCELLED with a sentence: for places between two loops. */
int progress_check(const struct progress *progress, struct error *error);

#endif
