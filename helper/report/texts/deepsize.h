/* SPDX-License-Identifier: MIT
 * The options and the description of the command `deepsize`, for commands.c. */
#ifndef PYDS_REPORT_TEXTS_DEEPSIZE_H
#define PYDS_REPORT_TEXTS_DEEPSIZE_H

#include "report/texts/targets.h"

#define DEEPSIZE_OPTIONS(OPTION)                                                                                       \
	OPTION(POLICY)                                                                                                 \
	OPTION(TREE)                                                                                                   \
	OPTION(NO_RETAINED)                                                                                            \
	OPTION(LIMIT)                                                                                                  \
	OPTION(SORT)                                                                                                   \
	OPTION(TYPE)                                                                                                   \
	OPTION(MODULE)                                                                                                 \
	OPTION(MIN)                                                                                                    \
	OPTION(BYTES)                                                                                                  \
	OPTION(ALLOCATED) OPTION(MEASURE) OPTION(NO_NATIVE) OPTION(NATIVE_MOST) OPTION(VALUES) OPTION(JSON) OPTION(HELP)
#define DEEPSIZE_TEXT                                                                                                  \
	"Deep is the sum of the shallow sizes of all objects that are reached from X, X\n"                             \
	"included, each once, however many paths lead to it; so it counts what X shares\n"                             \
	"with others. Retained is the part of the heap that only X keeps alive: what\n"                                \
	"would be freed if X went. Shared is the part of deep that others keep alive as\n"                             \
	"well. The rows say which types it consists of; with -t, through which\n"                                      \
	"references it is reached: an object stands under the first row that reached it.\n"                            \
	"Objects that only words in memory of C code lead to are in retained, not in\n"                                \
	"deep: they have a line of their own, ~ behind, with what they lead to. So have\n"                             \
	"blocks of C code, with ~ where their owner is an estimate.\n"                                                 \
	"With --allocated all is in bytes that the allocators took, and so with buffers\n"                             \
	"that no Python size counts; not with --policy asizeof.\n"                                                     \
	"Sort keys: shallow (default; the measure), count, type.\n"                                                    \
	"\n" TARGETS_TEXT

#endif
