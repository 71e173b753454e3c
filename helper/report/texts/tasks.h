/* SPDX-License-Identifier: MIT
 * The options and the description of the command `tasks`, for commands.c. */
#ifndef PYDS_REPORT_TEXTS_TASKS_H
#define PYDS_REPORT_TEXTS_TASKS_H

#define TASKS_OPTIONS(OPTION)                                                                                          \
	OPTION(AWAITS)                                                                                                 \
	OPTION(LOCALS)                                                                                                 \
	OPTION(LIMIT)                                                                                                  \
	OPTION(MIN) OPTION(BYTES) OPTION(ALLOCATED) OPTION(MEASURE) OPTION(VALUES) OPTION(JSON) OPTION(HELP)
#define TASKS_TEXT                                                                                                     \
	"Every task of asyncio, trio and curio, every greenlet that is switched away\n"                                \
	"from, and coroutines, generators and asynchronous generators that no task has.\n"                             \
	"Those that stand in the same places are one group: its chain of awaits with the\n"                            \
	"line each step is suspended at, outermost first, what the last waits for, and\n"                              \
	"what would be freed if all of the group went. Tasks are found by their type:\n"                               \
	"finished ones that somebody keeps are there, with the size of results; futures\n"                             \
	"too that are kept, or that nobody waits for. What a thread pool does for a task\n"                            \
	"is said. Many steps of packages are one line, unless -n 0 is given. With -t the\n"                            \
	"tasks as a tree: below a task those that it waits for, and how (gather, lock).\n"

#endif
