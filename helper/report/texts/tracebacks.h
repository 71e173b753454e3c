/* SPDX-License-Identifier: MIT
 * The options and the description of the command `tracebacks`, for commands.c. */
#ifndef PYDS_REPORT_TEXTS_TRACEBACKS_H
#define PYDS_REPORT_TEXTS_TRACEBACKS_H

#define TRACEBACKS_OPTIONS(OPTION)                                                                                     \
	OPTION(LIMIT)                                                                                                  \
	OPTION(MIN) OPTION(BYTES) OPTION(ALLOCATED) OPTION(MEASURE) OPTION(VALUES) OPTION(JSON) OPTION(HELP)
#define TRACEBACKS_TEXT                                                                                                \
	"Exceptions that are alive with their traceback though no handler has them: each\n"                            \
	"keeps the frames it came through, and these their locals. Those of one type that\n"                           \
	"came the same way are one group: what would be freed if all of it went, where\n"                              \
	"they came through with the local of each frame that retains most, who keeps the\n"                            \
	"first of them, and what to do about it.\n"

#endif
