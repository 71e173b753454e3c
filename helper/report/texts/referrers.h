/* SPDX-License-Identifier: MIT
 * The options and the description of the command `referrers`, for commands.c. */
#ifndef PYDS_REPORT_TEXTS_REFERRERS_H
#define PYDS_REPORT_TEXTS_REFERRERS_H

#include "report/texts/targets.h"

#define REFERRERS_OPTIONS(OPTION)                                                                                      \
	OPTION(LIMIT)                                                                                                  \
	OPTION(FROM_C)                                                                                                 \
	OPTION(TYPE) OPTION(MODULE) OPTION(VALUES) OPTION(JSON) OPTION(HELP)
#define REFERRERS_TEXT                                                                                                 \
	"Lists who holds X: objects, frames of Python, threads, interpreters, each with\n"                             \
	"its name and with that of its reference; weak references hold nothing and are\n"                              \
	"not listed. Then compares with the reference count in X: what it counts beyond\n"                             \
	"the references found is held by C code, or by memory that could not be read.\n"                               \
	"With --json, names are given where at most 1000 rows are asked for. X may be an\n"                            \
	"address of no object (as after \"e.g.\"): then it says who has that address.\n"                               \
	"\n" TARGETS_TEXT

#endif
