/* SPDX-License-Identifier: MIT
 * arguments: what stands before the command: the target and how to open it. The command and its arguments are the
 * library's. */
#ifndef PYDS_CLI_ARGUMENTS_H
#define PYDS_CLI_ARGUMENTS_H

#include <stdint.h>

enum cli_action { CLI_RUN, CLI_HELP, CLI_VERSION, CLI_MAN, CLI_MARKDOWN, CLI_COMPLETION };

struct cli_arguments {
	enum cli_action action;
	const char *shell; /* of CLI_COMPLETION */
	const char *line; /* print what completes its last word; NULL: run */
	const char *core; /* NULL: none */
	int32_t pid; /* 0: none */
	const char *executable, *sysroot, *debug_directory;
	uint64_t max_memory; /* bytes; 0: what there is */
	uint64_t max_expanded; /* bytes of a compressed core; 0: what its headers speak of */
	const char *spill_directory; /* NULL: none */
	uint32_t open_flags; /* enum pyds_open_flag */
	const char *const *command; /* its name and arguments */
	uint32_t command_count;
};

/* A row of the options before the command, for help and man page. */
struct cli_option {
	const char *spelling; /* "--core FILE" */
	const char *text;
};

extern const struct cli_option cli_options[]; /* ended by a NULL spelling */

/* 0; or -1 after saying on stderr what is wrong. */
int cli_arguments_parse(struct cli_arguments *arguments, int argc, char *const *argv);
struct pyds_command_info; /* pydeepsize.h */
/* The index-th command; 0: that was the last. */
int cli_command_at(uint32_t index, struct pyds_command_info *info);
/* Whether the library has a command of this name. */
int cli_is_command(const char *name);
/* Whether it looks at an object or two only. */
int cli_command_is_brief(const char *name);

#endif
