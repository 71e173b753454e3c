/* SPDX-License-Identifier: MIT
 * The options and the description of the command `findings`, for commands.c. */
#ifndef PYDS_REPORT_TEXTS_FINDINGS_H
#define PYDS_REPORT_TEXTS_FINDINGS_H

#define FINDINGS_OPTIONS(OPTION)                                                                                       \
	OPTION(ONLY)                                                                                                   \
	OPTION(FAIL_OVER)                                                                                              \
	OPTION(LIMIT) OPTION(BYTES) OPTION(ALLOCATED) OPTION(OWN_MEASURE) OPTION(VALUES) OPTION(JSON) OPTION(HELP)
#define FINDINGS_TEXT                                                                                                  \
	"The first command to type. Each finding says in words what is wrong or wasted,\n"                             \
	"how many bytes it holds or would save, where (a name with [*] stands for many\n"                              \
	"places that are alike; bytes with ~ are taken from samples), what to do about it\n"                           \
	"and what to type next. What saves less than 1% of the heap, or 256 KiB, is not\n"                             \
	"listed, but named as checked. Bytes saved are computed from how this build of\n"                              \
	"Python lays its objects out and what its allocator takes for a request; where\n"                              \
	"that allocator is not known, a ~ stands before them. --fail-over looks at the\n"                              \
	"largest finding, since they overlap; one that is to be looked at first counts\n"                              \
	"for the whole heap.\n"

#endif
