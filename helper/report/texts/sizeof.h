/* SPDX-License-Identifier: MIT
 * The options and the description of the command `sizeof`, for commands.c. */
#ifndef PYDS_REPORT_TEXTS_SIZEOF_H
#define PYDS_REPORT_TEXTS_SIZEOF_H

#include "report/texts/targets.h"

#define SIZEOF_OPTIONS(OPTION)                                                                                         \
	OPTION(SORT)                                                                                                   \
	OPTION(TYPE)                                                                                                   \
	OPTION(MODULE)                                                                                                 \
	OPTION(MIN) OPTION(BYTES) OPTION(ALLOCATED) OPTION(OWN_MEASURE) OPTION(VALUES) OPTION(JSON) OPTION(HELP)
#define SIZEOF_TEXT                                                                                                    \
	"Shallow is exactly what sys.getsizeof(X) would have returned in the process.\n"                               \
	"Allocated is what the allocators gave for it: the object with what precedes it,\n"                            \
	"all memory that it owns, each block rounded as its allocator rounds, and the\n"                               \
	"header of malloc. Sort keys: given (default), shallow, allocated, type.\n"                                    \
	"\n" TARGETS_TEXT

#endif
