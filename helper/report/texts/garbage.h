/* SPDX-License-Identifier: MIT
 * The options and the description of the command `garbage`, for commands.c. */
#ifndef PYDS_REPORT_TEXTS_GARBAGE_H
#define PYDS_REPORT_TEXTS_GARBAGE_H

#define GARBAGE_OPTIONS(OPTION)                                                                                        \
	OPTION(LIMIT)                                                                                                  \
	OPTION(TYPE)                                                                                                   \
	OPTION(MODULE)                                                                                                 \
	OPTION(MIN)                                                                                                    \
	OPTION(NO_NATIVE)                                                                                              \
	OPTION(NATIVE_MOST)                                                                                            \
	OPTION(BYTES) OPTION(ALLOCATED) OPTION(OWN_MEASURE) OPTION(VALUES) OPTION(JSON) OPTION(HELP)
#define GARBAGE_TEXT                                                                                                   \
	"Objects that no root reaches. Collectable: the next full collection frees them.\n"                            \
	"Stuck: no collection ever does, since a count is held by a reference that the\n"                              \
	"collector does not see: through a type without GC support, or by gc.freeze().\n"                              \
	"Then the cycles that hold them together, each with what goes when it goes, and\n"                             \
	"how the collector is set. Blocks of C code that only these objects lead to are\n"                             \
	"beside their bytes, with ~ where that is an estimate, and go with them.\n"

#endif
