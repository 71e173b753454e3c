/* SPDX-License-Identifier: MIT
 * The options and the description of the command `top`, for commands.c. */
#ifndef PYDS_REPORT_TEXTS_TOP_H
#define PYDS_REPORT_TEXTS_TOP_H

#define TOP_OPTIONS(OPTION)                                                                                            \
	OPTION(TREE)                                                                                                   \
	OPTION(LIMIT)                                                                                                  \
	OPTION(TYPE)                                                                                                   \
	OPTION(GARBAGE)                                                                                                \
	OPTION(MODULE)                                                                                                 \
	OPTION(MIN)                                                                                                    \
	OPTION(BYTES)                                                                                                  \
	OPTION(ALLOCATED) OPTION(MEASURE) OPTION(NO_NATIVE) OPTION(NATIVE_MOST) OPTION(VALUES) OPTION(JSON) OPTION(HELP)
#define TOP_TEXT                                                                                                       \
	"The dominator tree from the top: who keeps the memory alive. Each branch is\n"                                \
	"followed down while one object below holds at least 70% of it, to where the\n"                                \
	"memory fans out; what is passed on the way has rows too. Objects below 1% of the\n"                           \
	"heap are one row for each type, named by what they have in common (* stands for\n"                            \
	"what differs); frames of many threads that do the same are one, too. The last\n"                              \
	"row is what is left, so that the rows are the whole. With -t also the levels\n"                               \
	"below. With --json at most 1000 rows, where -n does not say, and \"rest\". Garbage\n"                         \
	"is apart, since no root holds it: with --garbage its own tree, of what would go\n"                            \
	"together.\n"

#endif
