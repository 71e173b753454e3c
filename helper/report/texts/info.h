/* SPDX-License-Identifier: MIT
 * The options and the description of the command `info`, for commands.c. */
#ifndef PYDS_REPORT_TEXTS_INFO_H
#define PYDS_REPORT_TEXTS_INFO_H

#define INFO_OPTIONS(OPTION) OPTION(SELF_CHECK) OPTION(BYTES) OPTION(JSON) OPTION(HELP)
#define INFO_TEXT                                                                                                      \
	"Says which Python the target runs and how it was built, from which source every\n"                            \
	"layout of its structures was taken and which checks confirmed it, and which part\n"                           \
	"of its memory is not at hand. Sizes are compared with what the allocators of the\n"                           \
	"process wrote down about their blocks: those of a sample of objects, with\n"                                  \
	"--self-check of all, which reads the whole heap.\n"

#endif
