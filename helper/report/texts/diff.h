/* SPDX-License-Identifier: MIT
 * The options and the description of the command `diff`, for commands.c. */
#ifndef PYDS_REPORT_TEXTS_DIFF_H
#define PYDS_REPORT_TEXTS_DIFF_H

#define DIFF_OPTIONS(OPTION)                                                                                           \
	OPTION(RETAINED)                                                                                               \
	OPTION(EXE)                                                                                                    \
	OPTION(SYSROOT)                                                                                                \
	OPTION(FAIL_OVER)                                                                                              \
	OPTION(LIMIT)                                                                                                  \
	OPTION(MIN) OPTION(BYTES) OPTION(ALLOCATED) OPTION(MEASURE) OPTION(VALUES) OPTION(JSON) OPTION(HELP)
#define DIFF_TEXT                                                                                                      \
	"What grew from the target to LATER, and to EVEN_LATER if it is given: core\n"                                 \
	"files, compressed ones too, or numbers of live processes; of the same process at\n"                           \
	"other times, or of other runs of the same program. By type; by owner, which is a\n"                           \
	"global of a module, an attribute of a class or a local of a frame, with what it\n"                            \
	"alone keeps alive; by line where tracemalloc was on in all of them; and by what\n"                            \
	"the allocators took for objects, C code and room that is free (memory). Of one\n"                             \
	"process also object by object: those that were not there at first; with three\n"                              \
	"targets those of the second that are still there in the third, as leaks are. An\n"                            \
	"object is taken for the same if its address and type are: memory that was freed\n"                            \
	"and given to another object of the type is not told apart.\n"

#endif
