/* SPDX-License-Identifier: MIT
 * What X may be: the end of the description of each command that takes targets. */
#ifndef PYDS_REPORT_TEXTS_TARGETS_H
#define PYDS_REPORT_TEXTS_TARGETS_H

#define TARGETS_TEXT                                                                                                   \
	"X is an address (0x7f31c02a8e40), a Python path from a module\n"                                              \
	"(app.cache.SESSIONS['u:1'].items[3].name), a name in the selected Python frame,\n"                            \
	"frame:2.NAME, thread:4243.frame:0.NAME, interp:1.app.NAME for a path of another\n"                            \
	"interpreter than the main one, in a debugger also an expression of the\n"                                     \
	"debugger; - reads several from standard input, one a line (not in a debugger).\n"

#endif
