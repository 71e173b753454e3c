/* SPDX-License-Identifier: MIT
 * The options and the description of the command `frames`, for commands.c. */
#ifndef PYDS_REPORT_TEXTS_FRAMES_H
#define PYDS_REPORT_TEXTS_FRAMES_H

#define FRAMES_OPTIONS(OPTION)                                                                                         \
	OPTION(NATIVE)                                                                                                 \
	OPTION(NO_RETAINED)                                                                                            \
	OPTION(LIMIT)                                                                                                  \
	OPTION(MIN)                                                                                                    \
	OPTION(BYTES)                                                                                                  \
	OPTION(ALLOCATED)                                                                                              \
	OPTION(MEASURE)                                                                                                \
	OPTION(NO_NATIVE)                                                                                              \
	OPTION(NATIVE_MOST) OPTION(VALUES) OPTION(DEPTH) OPTION(LENGTH) OPTION(FULL_PATHS) OPTION(JSON) OPTION(HELP)
#define FRAMES_TEXT                                                                                                    \
	"The Python stack of every thread, innermost frame first. Of each frame what is\n"                             \
	"reached from its locals (deep), and what it alone keeps alive (only here); of\n"                              \
	"each local deep and retained bytes, those that retain most first. Of a recursion\n"                           \
	"the first frame stands for its equals, and of threads that stand alike the one\n"                             \
	"that retains most. <built-in function sorted> in front of a frame is what it is\n"                            \
	"inside a call of, where that called Python again or is waited in, and the call\n"                             \
	"can be told for certain. With --no-retained the stacks alone, at once, however\n"                             \
	"big the heap is. A line of source is shown where the file is on this machine, is\n"                           \
	"not newer than the process or its core, and begins and ends that function where\n"                            \
	"the process says it does.\n"

#endif
