/* SPDX-License-Identifier: MIT
 * crew: one piece of work on several threads at once. Member 0 is the thread that asks; the others are of ours and
 * block all signals. */
#ifndef PYDS_BASE_CREW_H
#define PYDS_BASE_CREW_H

enum { CREW_MOST = 8 }; /* more would wait for the same memory */

/* How many members are worth having: the processors that this process may use. */
unsigned crew_size(void);

/* Runs work(context, member) for member 0 to count - 1 and returns when all are done. Members whose thread could not
 * be started are run by this one, after its own: work must not wait for a member that has not begun. */
void crew_run(unsigned count, void (*work)(void *context, unsigned member), void *context);

#endif
