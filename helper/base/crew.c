/* SPDX-License-Identifier: MIT */
#include "base/crew.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>

struct assignment {
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
	assignment->work(assignment->context, assignment->member);
	return NULL;
}

void crew_run(unsigned count, void (*work)(void *context, unsigned member), void *context)
{
	struct assignment assignments[CREW_MOST];
	pthread_t threads[CREW_MOST];
	unsigned started = 1;
	sigset_t all, before;
	if (count > CREW_MOST)
		count = CREW_MOST;
	(void)sigfillset(&all);
	/* New threads inherit the mask. */
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	for (; started < count; started++) {
		assignments[started] = (struct assignment){ work, context, started };
		if (pthread_create(&threads[started], NULL, run, &assignments[started]) != 0)
			break;
	}
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	work(context, 0);
	for (unsigned member = started; member < count; member++)
		work(context, member);
	for (unsigned member = 1; member < started; member++)
		(void)pthread_join(threads[member], NULL);
}
