/* SPDX-License-Identifier: MIT
 * threads: threads of ours inside somebody else's program. They block all signals, which are for that program; but for
 * those that the kernel sends to the thread that made a mistake (SIGBUS, SIGSEGV, SIGFPE, SIGILL), for which it may
 * have handlers. */
#ifndef PYDS_BASE_THREADS_H
#define PYDS_BASE_THREADS_H

#include <pthread.h>
#include <stdbool.h>

/* Starts a thread. False: the system has none left. */
bool thread_start(pthread_t *ret_thread, void *(*work)(void *context), void *context);

enum { CREW_MOST = 8 }; /* more would wait for the same memory */

/* A crew is one piece of work on several threads at once; member 0 is the thread that asks. How many members are worth
 * having: the processors that this process may use. */
unsigned crew_size(void);

/* Runs work(context, member) for member 0 to count - 1 and returns when all are done. Members whose thread could not
 * be started are run by this one, after its own: work must not wait for a member that has not begun. */
void crew_run(unsigned count, void (*work)(void *context, unsigned member), void *context);

#endif
