/* SPDX-License-Identifier: MIT
 * The options and the description of the command `object`, for commands.c. */
#ifndef PYDS_REPORT_TEXTS_OBJECT_H
#define PYDS_REPORT_TEXTS_OBJECT_H

#include "report/texts/targets.h"

#define OBJECT_OPTIONS(OPTION)                                                                                         \
	OPTION(LIMIT)                                                                                                  \
	OPTION(NO_RETAINED)                                                                                            \
	OPTION(BYTES)                                                                                                  \
	OPTION(ALLOCATED) OPTION(MEASURE) OPTION(NO_NATIVE) OPTION(NATIVE_MOST) OPTION(VALUES) OPTION(JSON) OPTION(HELP)
#define OBJECT_TEXT                                                                                                    \
	"Shows one object: its type, reference count, sizes, what it retains, what leads\n"                            \
	"to it (the shortest way from a module, a frame or a class), and the references\n"                             \
	"that it holds, first ones first, and the blocks of C code that it leads to by\n"                              \
	"words that look like pointers (~). Of any other address: its region, the block\n"                             \
	"that an allocator has there, and whose that is (~ where it is C code's).\n"                                   \
	"\n" TARGETS_TEXT

#endif
