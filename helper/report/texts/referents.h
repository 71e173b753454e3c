/* SPDX-License-Identifier: MIT
 * The options and the description of the command `referents`, for commands.c. */
#ifndef PYDS_REPORT_TEXTS_REFERENTS_H
#define PYDS_REPORT_TEXTS_REFERENTS_H

#include "report/texts/targets.h"

#define REFERENTS_OPTIONS(OPTION)                                                                                      \
	OPTION(LIMIT)                                                                                                  \
	OPTION(SORT) OPTION(TYPE) OPTION(MODULE) OPTION(MIN) OPTION(BYTES) OPTION(VALUES) OPTION(JSON) OPTION(HELP)
#define REFERENTS_TEXT                                                                                                 \
	"Lists every strong reference that X owns, with its name. Hidden are those that\n"                             \
	"the garbage collector is not told of, so that gc.get_referents(X) lacks them.\n"                              \
	"What memory of C code that X has refers to is not among them: path and\n"                                     \
	"referrers of that object name the block; object X lists the blocks of X.\n"                                   \
	"Sort keys: order (default), shallow, type.\n"                                                                 \
	"\n" TARGETS_TEXT

#endif
