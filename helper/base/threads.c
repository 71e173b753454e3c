/* SPDX-License-Identifier: MIT */
#include "base/threads.h"

#include "base/spill.h"

#include <sched.h>
#include <signal.h>
#include <stddef.h>

bool thread_start(pthread_t *ret_thread, void *(*work)(void *context), void *context)
{
	sigset_t blocked, before;
	(void)sigfillset(&blocked);
	(void)sigdelset(&blocked, SIGBUS);
	(void)sigdelset(&blocked, SIGSEGV);
	(void)sigdelset(&blocked, SIGFPE);
	(void)sigdelset(&blocked, SIGILL);
	/* The new thread inherits the mask. */
	if (pthread_sigmask(SIG_SETMASK, &blocked, &before) != 0)
		return false;
	const bool is_started = pthread_create(ret_thread, NULL, work, context) == 0;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return is_started;
}

struct assignment {
	const char *spill; /* as of the thread that asks */
	void (*work)(void *context, unsigned member);
	void *context;
	unsigned member;
};

unsigned crew_size(void)
{
	cpu_set_t processors;
	if (sched_getaffinity(0, sizeof processors, &processors) != 0)
		return 1;
	unsigned count = (unsigned)CPU_COUNT(&processors);
	return count < 1 ? 1 : count > CREW_MOST ? CREW_MOST : count;
}

static void *run(void *context)
{
	struct assignment *assignment = context;
	spill_to(assignment->spill);
	assignment->work(assignment->context, assignment->member);
	return NULL;
}

void crew_run(unsigned count, void (*work)(void *context, unsigned member), void *context)
{
	struct assignment assignments[CREW_MOST];
	pthread_t threads[CREW_MOST];
	unsigned started = 1;
	if (count > CREW_MOST)
		count = CREW_MOST;
	for (; started < count; started++) {
		assignments[started] = (struct assignment){ spill_directory(), work, context, started };
		if (!thread_start(&threads[started], run, &assignments[started]))
			break;
	}
	work(context, 0);
	for (unsigned member = started; member < count; member++)
		work(context, member);
	for (unsigned member = 1; member < started; member++)
		(void)pthread_join(threads[member], NULL);
}
