/* SPDX-License-Identifier: MIT
 * The options and the description of the command `path`, for commands.c. */
#ifndef PYDS_REPORT_TEXTS_PATH_H
#define PYDS_REPORT_TEXTS_PATH_H

#include "report/texts/targets.h"

#define PATH_OPTIONS(OPTION)                                                                                           \
	OPTION(PATHS)                                                                                                  \
	OPTION(THROUGH)                                                                                                \
	OPTION(MERGE)                                                                                                  \
	OPTION(LIMIT)                                                                                                  \
	OPTION(BYTES) OPTION(ALLOCATED) OPTION(MEASURE) OPTION(VALUES) OPTION(JSON) OPTION(HELP)
#define PATH_TEXT                                                                                                      \
	"Shows the references that lead to X from a root: from a module's globals, a\n"                                \
	"frame that runs, the state of a thread or interpreter; only where none of these\n"                            \
	"leads to it, from an object that C code holds or that is never freed. Weak\n"                                 \
	"references keep nothing alive and are no part of a path.\n"                                                   \
	"\n"                                                                                                           \
	"Paths are ordered by their references, counted from the module's dict; one more\n"                            \
	"is counted for a frame, three for a thread or interpreter, so that a global\n"                                \
	"comes before what is on its way through the program. No path visits an object\n"                              \
	"twice or passes through a second module or frame. The marked step dominates X:\n"                             \
	"every path passes it; of several such steps the one below which the memory\n"                                 \
	"spreads. -n limits the steps shown of one path.\n"                                                            \
	"\n" TARGETS_TEXT

#endif
