/* SPDX-License-Identifier: MIT
 * commands: the one table of commands. Help texts, man page, docs/commands.md, completion in the debuggers and the
 * parsing of arguments all come from it.
 *
 * To add a command: its line in commands.def, its options and description in texts/<name>.h (included by commands.c),
 * and a function in a file named like it. To add an option: options.def and option_texts.h. */
#ifndef PYDS_REPORT_COMMANDS_H
#define PYDS_REPORT_COMMANDS_H

#include <stdint.h>

struct report;

enum option_id {
#define OPTION(ID, name, letter, argument) OPTION_##ID,
#include "report/options.def"
#undef OPTION
	OPTION_COUNT
};

/* What follows an option. */
enum option_argument {
	ARGUMENT_NONE,
	ARGUMENT_NUMBER,
	ARGUMENT_SIZE,
	ARGUMENT_WORD, /* request_word() */
	ARGUMENT_AMOUNT, /* a number: request_number() */
	ARGUMENT_BYTES, /* a size: request_number() */
	ARGUMENT_POLICY,
	ARGUMENT_MEASURE,
	ARGUMENT_SORT,
	ARGUMENT_GROUPING,
	ARGUMENT_COUNT,
	ARGUMENT_FILTER /* a pattern of file names; may be given several times */
};

static inline uint64_t option_bit(enum option_id option)
{
	return UINT64_C(1) << option;
}

struct option {
	const char *name; /* "limit" */
	char letter; /* 'n'; 0: none */
	uint8_t argument; /* enum option_argument */
};

extern const struct option option_table[OPTION_COUNT];

enum command_flag {
	COMMAND_TAKES_TARGETS = 1, /* positional arguments are targets X, at least one unless an option takes their
	                              place; same number as in the header */
	COMMAND_TAKES_WORDS = 4, /* positional arguments are words of the command's own, request->operands: files, SQL;
	                          * any number of them, also none; same number as in the header */
	COMMAND_IS_BRIEF = 2, /* looks at an object or two, not at the heap; same number as in the header */
};

struct command {
	const char *name;
	const char *summary; /* one line */
	const char *usage; /* "deepsize X... [options]" */
	const char *help; /* the whole text, options included */
	const char *option_names; /* "--limit --json", for completion */
	const char *sort_keys; /* "shallow count type": the first is the default; "" if it has no --sort */
	uint64_t options; /* option_bit() of each that it takes */
	uint32_t flags; /* enum command_flag */
	int (*run)(struct report *report); /* report.h */
};

/* The index-th command; NULL after the last. */
const struct command *command_at(uint32_t index);
/* By its name, with or without "py-"; NULL: there is none. */
const struct command *command_find(const char *name);

#endif
