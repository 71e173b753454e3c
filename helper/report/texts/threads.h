/* SPDX-License-Identifier: MIT
 * The options and the description of the command `threads`, for commands.c. */
#ifndef PYDS_REPORT_TEXTS_THREADS_H
#define PYDS_REPORT_TEXTS_THREADS_H

#define THREADS_OPTIONS(OPTION) OPTION(NATIVE) OPTION(LIMIT) OPTION(VALUES) OPTION(JSON) OPTION(HELP)
#define THREADS_TEXT                                                                                                   \
	"Every thread: whether it has the GIL, which system call it is in, which lock,\n"                              \
	"queue, thread or future it waits for and who has that, what it holds itself, and\n"                           \
	"where it stands: the innermost frames, and below those of packages the first of\n"                            \
	"the program. Threads that do the same are one block. An owner is known from the\n"                            \
	"lock itself, or from a frame that is inside `with` of it; a frame that calls\n"                               \
	"acquire() is a guess, and said to be one. Threads that wait for one another in a\n"                           \
	"circle come first: a deadlock. In a free-threaded build, which has no GIL,\n"                                 \
	"`attached` means that a thread executes Python code.\n"

#endif
