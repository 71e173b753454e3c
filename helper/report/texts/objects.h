/* SPDX-License-Identifier: MIT
 * The options and the description of the command `objects`, for commands.c. */
#ifndef PYDS_REPORT_TEXTS_OBJECTS_H
#define PYDS_REPORT_TEXTS_OBJECTS_H

#define OBJECTS_OPTIONS(OPTION)                                                                                        \
	OPTION(LIMIT)                                                                                                  \
	OPTION(SORT)                                                                                                   \
	OPTION(TYPE)                                                                                                   \
	OPTION(MODULE) OPTION(MIN) OPTION(BYTES) OPTION(ALLOCATED) OPTION(MEASURE) OPTION(JSON) OPTION(HELP)
#define OBJECTS_TEXT                                                                                                   \
	"Every object of the heap: what roots reach, what only the garbage collector\n"                                \
	"knows (unreachable), what it does not track. With --json one JSON object a line,\n"                           \
	"written while the heap is gone through; of a core that lacks something a last\n"                              \
	"one has \"losses\". Sort keys: address (default), shallow, type.\n"

#endif
