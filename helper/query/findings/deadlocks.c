/* SPDX-License-Identifier: MIT
 * Threads that wait for one another in a circle; and a lock that many wait for. */
#include "base/address_map.h"
#include "query/findings/rule.h"
#include "query/threads/threads.h"

enum { LONG_QUEUE = 8 };

static void say_thread(struct text *text, const struct threads_answer *threads, uint32_t row)
{
	const struct text *name = &threads->rows.items[row].name;
	if (name->length > 0)
		names_escape(text, text_string(name), name->length, false);
	else
		text_format(text, "thread %u", row);
}

static int say_circles(struct rule_run *run, const struct threads_answer *threads)
{
	for (size_t i = 0; i < threads->deadlocks.count; i++) {
		struct text *text;
		TRY(rule_found_urgent(run, "threads", &text));
		text_add(text, threads->guessed ? "In all likelihood a deadlock: " : "A deadlock: ");
		const size_t first = i;
		for (; i < threads->deadlocks.count && threads->deadlocks.items[i] != THREAD_NONE; i++) {
			text_add(text, i == first ? "" : " waits for ");
			say_thread(text, threads, threads->deadlocks.items[i]);
		}
		text_add(text, " waits for ");
		say_thread(text, threads, threads->deadlocks.items[first]);
		text_add(text, ". None of them will ever go on. Take the locks in one order everywhere, or with a "
		               "timeout.");
	}
	return OK;
}

/* What is taken for a moment. Where threads wait for work (queues, conditions, events) a long row of them is idle. */
static bool is_lock(enum lock_kind kind)
{
	return kind == LOCK_LOCK || kind == LOCK_RLOCK || kind == LOCK_PYTHON_RLOCK || kind == LOCK_IMPORT ||
	       kind == LOCK_OBJECT || kind == LOCK_MUTEX || kind == LOCK_PTHREAD;
}

/* Index of a row that waits for the lock that most wait for; THREAD_NONE: no lock has that many. */
static uint32_t longest_queue(struct rule_run *run, const struct threads_answer *threads, uint32_t *ret_waiters,
                              int *status)
{
	struct address_map waiters = { .slots = NULL };
	uint32_t found = THREAD_NONE;
	*ret_waiters = 0;
	for (size_t i = 0; *status == OK && i < threads->rows.count; i++) {
		const struct thread_wait *wait = &threads->rows.items[i].wait;
		if (!is_lock(wait->lock.kind) || wait->lock.address == 0)
			continue;
		const uint32_t before = address_map_get(&waiters, wait->lock.address);
		const uint32_t count = before == ADDRESS_MAP_NONE ? 1 : before + 1;
		if (!address_map_set(&waiters, wait->lock.address, count))
			*status = query_no_memory(run->query, "the queues of locks");
		if (count > *ret_waiters) {
			*ret_waiters = count;
			found = (uint32_t)i;
		}
	}
	address_map_clear(&waiters);
	return *ret_waiters >= LONG_QUEUE ? found : THREAD_NONE;
}

static int say_queue(struct rule_run *run, const struct threads_answer *threads)
{
	uint32_t waiters;
	int status = OK;
	struct text *text;
	const uint32_t row = longest_queue(run, threads, &waiters, &status);
	if (status < 0 || row == THREAD_NONE)
		return status;
	TRY(rule_found_urgent(run, "threads", &text));
	rule_say_count(text, waiters, "thread");
	text_add(text, " wait for one lock");
	const uint32_t owner = threads->rows.items[row].wait.owner;
	if (owner != THREAD_NONE) {
		text_add(text, ", which ");
		say_thread(text, threads, owner);
		text_add(text, " holds. What it does while it holds it is where the program stands still.");
	} else {
		text_add(text, "; nothing says who holds it. Whoever does is where the program stands still.");
	}
	return OK;
}

static int end(struct rule_run *run, void *state)
{
	struct threads_answer threads = { .behind = 0 };
	(void)state;
	int status = OK;
	if (run->query->target->runtime->threads.count > 1)
		status = query_threads(run->query, false, &threads);
	if (status == OK)
		status = say_circles(run, &threads);
	if (status == OK)
		status = say_queue(run, &threads);
	threads_answer_clear(&threads);
	return status;
}

const struct rule deadlocks_rule = { .end = end };
