/* SPDX-License-Identifier: MIT
 * The options and the description of the command `referents`, for commands.c. */
#ifndef PYDS_REPORT_TEXTS_REFERENTS_H
#define PYDS_REPORT_TEXTS_REFERENTS_H

#include "report/texts/targets.h"

#define REFERENTS_OPTIONS(OPTION)                                                                                      \
	OPTION(LIMIT)                                                                                                  \
	OPTION(SORT)                                                                                                   \
	OPTION(TYPE) OPTION(MODULE) OPTION(MIN) OPTION(BYTES) OPTION(NO_NATIVE) OPTION(VALUES) OPTION(JSON) OPTION(HELP)
#define REFERENTS_TEXT                                                                                                 \
	"Lists every strong reference that X owns, with its name. Hidden are those that\n"                             \
	"the garbage collector is not told of, so that gc.get_referents(X) lacks them.\n"                              \
	"What X leads to by memory of C code comes last, marked ~: a word in a block of\n"                             \
	"X that is an object's address, where that object's reference count has room\n"                                \
	"for one more. Of an X of a C type this takes the graph of the whole heap;\n"                                  \
	"--no-native leaves it out.\n"                                                                                 \
	"Sort keys: order (default), shallow, type.\n"                                                                 \
	"\n" TARGETS_TEXT

#endif
