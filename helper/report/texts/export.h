/* SPDX-License-Identifier: MIT
 * The options and the description of the command `export`, for commands.c. */
#ifndef PYDS_REPORT_TEXTS_EXPORT_H
#define PYDS_REPORT_TEXTS_EXPORT_H

#define EXPORT_OPTIONS(OPTION)                                                                                         \
	OPTION(TO)                                                                                                     \
	OPTION(FORCE)                                                                                                  \
	OPTION(TABLE)                                                                                                  \
	OPTION(ALONG)                                                                                                  \
	OPTION(SHOW)                                                                                                   \
	OPTION(COLLAPSE_LEAVES) OPTION(MIN_RETAINED) OPTION(HIDE_NAMES) OPTION(VALUES) OPTION(JSON) OPTION(HELP)
#define EXPORT_TEXT                                                                                                    \
	"Writes the heap as a file that another program opens. The format is that of the\n"                            \
	"file's name, or of --to; without a file the formats are listed. What is written\n"                            \
	"is the graph that retained sizes were computed from, so the numbers agree.\n"                                 \
	"After the file may follow: of csv and jsonl an SQL statement, of dot the objects\n"                           \
	"to draw, of markdown the commands whose answers are wanted, each in quotes, of\n"                             \
	"html a later target, as diff takes it: the page is of that one, and says first\n"                             \
	"what grew.\n"                                                                                                 \
	"\n"                                                                                                           \
	"The file is readable by its owner only, and no file that exists is overwritten\n"                             \
	"without --force. Contents of strings are in no file unless --values is given;\n"                              \
	"names of types, modules and attributes are, unless --hide-names is.\n"

#endif
