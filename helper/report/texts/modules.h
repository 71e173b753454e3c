/* SPDX-License-Identifier: MIT
 * The options and the description of the command `modules`, for commands.c. */
#ifndef PYDS_REPORT_TEXTS_MODULES_H
#define PYDS_REPORT_TEXTS_MODULES_H

#define MODULES_OPTIONS(OPTION)                                                                                        \
	OPTION(LIMIT)                                                                                                  \
	OPTION(SORT)                                                                                                   \
	OPTION(MODULE)                                                                                                 \
	OPTION(MIN)                                                                                                    \
	OPTION(BYTES)                                                                                                  \
	OPTION(ALLOCATED) OPTION(MEASURE) OPTION(NO_NATIVE) OPTION(NATIVE_MOST) OPTION(VALUES) OPTION(JSON) OPTION(HELP)
#define MODULES_TEXT                                                                                                   \
	"Every module of sys.modules. Retained is what would be freed if the module and\n"                             \
	"its dict went; deep is all that is reached from it, but not through classes,\n"                               \
	"code and other modules. Of its globals the one is named that retains most. Sort\n"                            \
	"keys: retained (default), deep, module. What several modules reach, and nothing\n"                            \
	"else, has rows of its own below: none of them retains it alone.\n"

#endif
