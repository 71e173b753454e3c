/* SPDX-License-Identifier: MIT
 * Threads that wait for one another in a circle; and a lock that many wait for. */
#include "query/findings/rule.h"
#include "query/threads.h"

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

static int say_queue(struct rule_run *run, const struct threads_answer *threads)
{
	uint32_t most = 0, owner = 0;
	struct text *text;
	for (size_t i = 0; i < threads->rows.count; i++)
		for (size_t hold = 0; hold < threads->rows.items[i].holds.count; hold++)
			if (threads->rows.items[i].holds.items[hold].waiters > most) {
				most = threads->rows.items[i].holds.items[hold].waiters;
				owner = (uint32_t)i;
			}
	if (most < LONG_QUEUE)
		return OK;
	TRY(rule_found_urgent(run, "threads", &text));
	rule_say_count(text, most, "thread");
	text_add(text, " wait for one lock, which ");
	say_thread(text, threads, owner);
	text_add(text, " holds. What it does while it holds it is where the program stands still.");
	return OK;
}

static int end(struct rule_run *run, void *state)
{
	struct threads_answer threads = { .behind = 0 };
	(void)state;
	int status = OK;
	if (run->query->target->runtime->threads.count > 1)
		status = query_threads(run->query, &threads);
	if (status == OK)
		status = say_circles(run, &threads);
	if (status == OK)
		status = say_queue(run, &threads);
	threads_answer_clear(&threads);
	return status;
}

const struct rule deadlocks_rule = { .end = end };
