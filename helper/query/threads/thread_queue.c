/* SPDX-License-Identifier: MIT
 * The longest queue behind one owner: threads that wait for what it has, or for what somebody who waits for it has. */
#include <stdlib.h>

#include "query/threads/thread_builder.h"

/* Whether the owner has what is waited for; from a queue or an event, work comes or not. */
static uint32_t holder_of(const struct thread_row *row)
{
	const struct thread_wait *wait = &row->wait;
	const bool has_it = wait->source == OWNER_FIELD || wait->source == OWNER_WITH || wait->source == OWNER_LAST ||
	                    wait->source == OWNER_PERHAPS;
	return wait->lock.kind != LOCK_NONE && wait->lock.kind != LOCK_GIL && wait->lock.kind != LOCK_THREAD && has_it
	               ? wait->owner
	               : THREAD_NONE;
}

bool thread_queue_find(struct threads_answer *threads)
{
	enum { STEPS = 64 };
	uint32_t *behind = calloc(threads->rows.count + 1, sizeof *behind);
	if (behind == NULL)
		return false;
	for (uint32_t i = 0; i < threads->rows.count; i++) {
		uint32_t at = holder_of(&threads->rows.items[i]);
		for (unsigned step = 0; at != THREAD_NONE && step < STEPS; step++) {
			const uint32_t next = holder_of(&threads->rows.items[at]);
			/* Of a circle nobody is at the end. */
			if (next == THREAD_NONE)
				behind[at]++;
			at = next;
		}
	}
	for (uint32_t i = 0; i < threads->rows.count; i++)
		if (behind[i] > threads->longest_queue) {
			threads->longest_queue = behind[i];
			threads->longest_owner = i;
		}
	free(behind);
	return true;
}
