/* SPDX-License-Identifier: MIT
 * The options and the description of the command `query`, for commands.c. */
#ifndef PYDS_REPORT_TEXTS_QUERY_H
#define PYDS_REPORT_TEXTS_QUERY_H

#define QUERY_OPTIONS(OPTION) OPTION(LIMIT) OPTION(CSV) OPTION(BYTES) OPTION(VALUES) OPTION(JSON) OPTION(HELP)
#define QUERY_TEXT                                                                                                     \
	"Asks the heap in SQL (SQLite's), over tables of objects, references, types and\n"                             \
	"so on; nothing is copied, nothing can be changed. Without a statement it lists\n"                             \
	"the tables with their columns, the views, the functions, and examples.\n"                                     \
	"\n"                                                                                                           \
	"Addresses are integers: write them as 0x7f31c02a8e40, without quotes. Sizes are\n"                            \
	"bytes. An object or a type is found at once by = or IN; what the list calls\n"                                \
	"costly is made when a statement asks for it.\n"

#endif
