/* SPDX-License-Identifier: MIT
 * The options and the description of the command `native`, for commands.c. */
#ifndef PYDS_REPORT_TEXTS_NATIVE_H
#define PYDS_REPORT_TEXTS_NATIVE_H

#define NATIVE_OPTIONS(OPTION) OPTION(LIMIT) OPTION(MIN) OPTION(BYTES) OPTION(JSON) OPTION(HELP)
#define NATIVE_TEXT                                                                                                    \
	"Blocks that C, C++ or Rust code has from malloc and that are no Python object's:\n"                           \
	"by what they hang on, and the largest ones. Owners are an estimate, made of\n"                                \
	"words that look like pointers; a block that several objects lead to goes to what\n"                           \
	"they have in common. Sizes are malloc's own. The 1000 largest have names, with\n"                             \
	"--json too: those of a million would take very long.\n"

#endif
