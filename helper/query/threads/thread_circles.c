/* SPDX-License-Identifier: MIT
 * Deadlocks. A thread is stuck if it waits and all that could end its wait are stuck: of all sets of threads of which
 * that is true the largest is what remains when those that may go on are taken out, again and again. In it, whoever is
 * followed from waiter to waker comes to a circle. */
#include <stdlib.h>

#include "query/threads/thread_builder.h"

static bool is_stuck(const struct threads_answer *threads, const uint8_t *stuck, uint32_t row)
{
	const struct thread_wait *wait = &threads->rows.items[row].wait;
	for (size_t i = 0; i < wait->wakers.count; i++)
		if (!stuck[wait->wakers.items[i]])
			return false;
	return wait->wakers.count > 0 && wait->elsewhere != ELSEWHERE_PERHAPS;
}

static void take_out(const struct threads_answer *threads, uint8_t *stuck)
{
	bool changed = true;
	for (size_t i = 0; i < threads->rows.count; i++)
		stuck[i] = threads->rows.items[i].wait.lock.kind != LOCK_NONE;
	while (changed) {
		changed = false;
		for (uint32_t i = 0; i < threads->rows.count; i++)
			if (stuck[i] && !is_stuck(threads, stuck, i)) {
				stuck[i] = 0;
				changed = true;
			}
	}
}

/* Follows first wakers from a stuck row until one comes up again; writes the circle. */
static bool add_circle(struct threads_answer *threads, uint8_t *stuck, uint32_t row)
{
	enum { IN_CIRCLE = 2 };
	uint32_t at = row;
	for (size_t i = 0; i < threads->rows.count; i++) {
		at = threads->rows.items[at].wait.wakers.items[0];
		if (stuck[at] == IN_CIRCLE)
			return true;
	}
	const uint32_t first = at;
	do {
		const struct thread_wait *wait = &threads->rows.items[at].wait;
		stuck[at] = IN_CIRCLE;
		threads->guessed |= wait->source == OWNER_PERHAPS || wait->source == OWNER_USES;
		if (!array_push(&threads->deadlocks, at))
			return false;
		at = wait->wakers.items[0];
	} while (at != first);
	return array_push(&threads->deadlocks, THREAD_NONE);
}

bool thread_circles_find(struct threads_answer *threads)
{
	uint8_t *stuck = calloc(threads->rows.count + 1, 1);
	bool done = stuck != NULL;
	if (done)
		take_out(threads, stuck);
	for (uint32_t i = 0; done && i < threads->rows.count; i++)
		if (stuck[i] == 1)
			done = add_circle(threads, stuck, i);
	for (size_t i = 0; done && i < threads->rows.count; i++)
		threads->behind += stuck[i] == 1;
	free(stuck);
	return done;
}
