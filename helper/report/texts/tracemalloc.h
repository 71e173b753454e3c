/* SPDX-License-Identifier: MIT
 * The options and the description of the command `tracemalloc`, for commands.c. */
#ifndef PYDS_REPORT_TEXTS_TRACEMALLOC_H
#define PYDS_REPORT_TEXTS_TRACEMALLOC_H

#define TRACEMALLOC_OPTIONS(OPTION)                                                                                    \
	OPTION(TRACED_BY)                                                                                              \
	OPTION(TRACEBACK)                                                                                              \
	OPTION(INCLUDE)                                                                                                \
	OPTION(EXCLUDE) OPTION(OBJECTS) OPTION(LIMIT) OPTION(MIN) OPTION(BYTES) OPTION(JSON) OPTION(HELP)
#define TRACEMALLOC_TEXT                                                                                               \
	"What tracemalloc wrote down in the process, where it was on (-X tracemalloc,\n"                               \
	"PYTHONTRACEMALLOC=1 or tracemalloc.start()): the memory in use by the line that\n"                            \
	"asked for it, as tracemalloc.take_snapshot().statistics() would give it there,\n"                             \
	"without its cost. Files are filtered as tracemalloc.Filter does, by the most\n"                               \
	"recent frame. --objects says how much of it objects of the heap have, themselves\n"                           \
	"and in memory that they own, and how much free lists keep for the next object of\n"                           \
	"a type; the rest was taken by C code for itself.\n"

#endif
