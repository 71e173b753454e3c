/* SPDX-License-Identifier: MIT
 * The options and the description of the command `heap`, for commands.c. */
#ifndef PYDS_REPORT_TEXTS_HEAP_H
#define PYDS_REPORT_TEXTS_HEAP_H

#define HEAP_OPTIONS(OPTION)                                                                                           \
	OPTION(BY)                                                                                                     \
	OPTION(RETAINED)                                                                                               \
	OPTION(HELD_FROM_C)                                                                                            \
	OPTION(LIMIT)                                                                                                  \
	OPTION(SORT)                                                                                                   \
	OPTION(TYPE)                                                                                                   \
	OPTION(MODULE)                                                                                                 \
	OPTION(MIN)                                                                                                    \
	OPTION(BYTES) OPTION(ALLOCATED) OPTION(MEASURE) OPTION(NO_NATIVE) OPTION(NATIVE_MOST) OPTION(JSON) OPTION(HELP)
#define HEAP_TEXT                                                                                                      \
	"Every object that a root reaches (interpreters, modules, threads and their\n"                                 \
	"frames, static types, what is held from C), by type. Unreachable objects, which\n"                            \
	"only the garbage collector knows, are counted apart. With --retained also what\n"                             \
	"would be freed if all objects of a row went at once: exact, not a sum, so an\n"                               \
	"object counts once in a row, and in every row that it needs to be alive. Sort\n"                              \
	"keys: shallow (default; the measure), count, type, retained. --allocated is the\n"                            \
	"measure of retained sizes too. With --held-from-c instead the objects to which\n"                             \
	"more references are counted than were found, with what they retain and the\n"                                 \
	"native block or C variable that has their address, as far as one was seen.\n"

#endif
