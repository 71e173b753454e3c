/* SPDX-License-Identifier: MIT
 * The options and the description of the command `memory`, for commands.c. */
#ifndef PYDS_REPORT_TEXTS_MEMORY_H
#define PYDS_REPORT_TEXTS_MEMORY_H

#define MEMORY_OPTIONS(OPTION)                                                                                         \
	OPTION(LIMIT)                                                                                                  \
	OPTION(LEADS)                                                                                                  \
	OPTION(ARENAS) OPTION(POOLS) OPTION(REGIONS) OPTION(STACKS) OPTION(BYTES) OPTION(JSON) OPTION(HELP)
#define MEMORY_TEXT                                                                                                    \
	"Every byte that the process had mapped, by owner, and what of it is in use,\n"                                \
	"free or could be returned: pymalloc, mimalloc, glibc's malloc and jemalloc are\n"                             \
	"gone through block by block, and a heap that does not confirm itself is said,\n"                              \
	"not guessed. The parts sum to what was mapped. At the end a sentence says what\n"                             \
	"the numbers mean: live objects, free memory that malloc keeps, fragmentation,\n"                              \
	"or C code. With --native also what leads to the blocks of C code: Python\n"                                   \
	"objects, garbage, only variables of C, or nothing seen; an estimate (~). With\n"                              \
	"--arenas also what keeps arenas and stretches of malloc's heaps that are nearly\n"                            \
	"empty: whose blocks lie in them, and the last block of each heap.\n"

#endif
