/* SPDX-License-Identifier: MIT */
#include "arguments.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pydeepsize.h"

enum option_value {
	VALUE_CORE = 256,
	VALUE_PID,
	VALUE_EXE,
	VALUE_SYSROOT,
	VALUE_DEBUG_DIR,
	VALUE_DEBUGINFOD,
	VALUE_LAYOUT,
	VALUE_NO_FILES,
	VALUE_IN_PLACE,
	VALUE_MAX_MEMORY,
	VALUE_MAX_EXPANDED,
	VALUE_SPILL,
	VALUE_MAN,
	VALUE_MARKDOWN,
	VALUE_COMPLETION,
	VALUE_COMPLETE,
	VALUE_VERSION,
	VALUE_HELP,
};

/* In the order of long_options below, hidden ones left out. */
const struct cli_option cli_options[] = {
	{ "--core FILE", "the core dump to read, plain or compressed" },
	{ "--pid PID", "the live process to read: stopped, copied, let go" },
	{ "--in-place", "with --pid: no copy, it is stopped to the end" },
	{ "--max-memory SIZE", "take no more memory than this: 512M, 4GiB" },
	{ "--max-expanded SIZE", "a compressed core may expand to no more than this" },
	{ "--spill DIR", "copy and large arrays into files in DIR, not memory" },
	{ "--exe FILE", "the main program, where it is not at its own path" },
	{ "--sysroot DIR", "the files of the target lie under DIR" },
	{ "--debug-dir DIR", "for debug information, beside /usr/lib/debug" },
	{ "--debuginfod", "missing debug information may be fetched (network)" },
	{ "--layout dwarf|table", "layouts from debug information only, or never" },
	{ "--no-files", "use no file of this machine but the core itself" },
	{ "--completion SHELL", "print what completes commands in bash, zsh or fish" },
	{ "--version", "print the version and end" },
	{ "--help", "print this text and end" },
	{ NULL, NULL },
};

static const struct option long_options[] = {
	{ "core", required_argument, NULL, VALUE_CORE },
	{ "pid", required_argument, NULL, VALUE_PID },
	{ "in-place", no_argument, NULL, VALUE_IN_PLACE },
	{ "max-memory", required_argument, NULL, VALUE_MAX_MEMORY },
	{ "max-expanded", required_argument, NULL, VALUE_MAX_EXPANDED },
	{ "spill", required_argument, NULL, VALUE_SPILL },
	{ "exe", required_argument, NULL, VALUE_EXE },
	{ "sysroot", required_argument, NULL, VALUE_SYSROOT },
	{ "debug-dir", required_argument, NULL, VALUE_DEBUG_DIR },
	{ "debuginfod", no_argument, NULL, VALUE_DEBUGINFOD },
	{ "layout", required_argument, NULL, VALUE_LAYOUT },
	{ "no-files", no_argument, NULL, VALUE_NO_FILES },
	{ "completion", required_argument, NULL, VALUE_COMPLETION },
	{ "complete", required_argument, NULL, VALUE_COMPLETE },
	{ "version", no_argument, NULL, VALUE_VERSION },
	{ "help", no_argument, NULL, VALUE_HELP },
	{ "man", no_argument, NULL, VALUE_MAN },
	{ "markdown", no_argument, NULL, VALUE_MARKDOWN },
	{ NULL, 0, NULL, 0 },
};

int cli_command_at(uint32_t index, struct pyds_command_info *info)
{
	*info = (struct pyds_command_info){ .struct_size = sizeof *info };
	return pyds_command(index, info) == PYDS_OK;
}

static int find_command(const char *name, struct pyds_command_info *info)
{
	*info = (struct pyds_command_info){ .struct_size = sizeof *info };
	for (uint32_t i = 0; pyds_command(i, info) == PYDS_OK; i++)
		if (strcmp(info->name, name) == 0)
			return 1;
	return 0;
}

int cli_is_command(const char *name)
{
	struct pyds_command_info info;
	return find_command(name, &info) || strcmp(name, "help") == 0;
}

int cli_command_is_brief(const char *name)
{
	struct pyds_command_info info;
	return find_command(name, &info) && (info.flags & PYDS_COMMAND_IS_BRIEF) != 0;
}

static int complain(const char *what, const char *value)
{
	fprintf(stderr, "pydeepsize: %s%s\nTry 'pydeepsize --help'.\n", what, value);
	return -1;
}

static int set_pid(struct cli_arguments *arguments, const char *value)
{
	char *end;
	long pid = strtol(value, &end, 10);
	if (end == value || *end != '\0' || pid <= 0 || pid > INT32_MAX)
		return complain("--pid takes a process id, not ", value);
	arguments->pid = (int32_t)pid;
	return 0;
}

static int complain_of_size(const char *option, const char *value)
{
	fprintf(stderr, "pydeepsize: %s takes a size such as 512M or 1.5GiB, not %s\nTry 'pydeepsize --help'.\n",
	        option, value);
	return -1;
}

/* 4096, 512M, 1.5GiB. */
static int set_size(uint64_t *ret_bytes, const char *option, const char *value)
{
	static const char units[] = "KMGT";
	char *end;
	double bytes = strtod(value, &end);
	const char *unit = *end != '\0' ? strchr(units, *end >= 'a' ? *end - 32 : *end) : NULL;
	for (const char *at = units; unit != NULL && at <= unit; at++)
		bytes *= 1024;
	end += unit != NULL;
	if (end == value || (*end != '\0' && strcmp(end, "B") != 0 && strcmp(end, "iB") != 0) || !(bytes >= 1) ||
	    bytes >= 9e18)
		return complain_of_size(option, value);
	*ret_bytes = (uint64_t)bytes;
	return 0;
}

static int set_layout(struct cli_arguments *arguments, const char *value)
{
	if (strcmp(value, "dwarf") == 0)
		arguments->open_flags |= PYDS_OPEN_PREFER_DWARF;
	else if (strcmp(value, "table") == 0)
		arguments->open_flags |= PYDS_OPEN_IGNORE_DWARF;
	else
		return complain("--layout takes dwarf or table, not ", value);
	return 0;
}

static int set_option(struct cli_arguments *arguments, int option, const char *value)
{
	switch (option) {
	case VALUE_CORE:
		arguments->core = value;
		return 0;
	case VALUE_PID:
		return set_pid(arguments, value);
	case VALUE_MAX_MEMORY:
		return set_size(&arguments->max_memory, "--max-memory", value);
	case VALUE_MAX_EXPANDED:
		return set_size(&arguments->max_expanded, "--max-expanded", value);
	case VALUE_SPILL:
		arguments->spill_directory = value;
		return 0;
	case VALUE_EXE:
		arguments->executable = value;
		return 0;
	case VALUE_SYSROOT:
		arguments->sysroot = value;
		return 0;
	case VALUE_DEBUG_DIR:
		arguments->debug_directory = value;
		return 0;
	case VALUE_DEBUGINFOD:
		arguments->open_flags |= PYDS_OPEN_DEBUGINFOD;
		return 0;
	case VALUE_LAYOUT:
		return set_layout(arguments, value);
	case VALUE_NO_FILES:
		arguments->open_flags |= PYDS_OPEN_IGNORE_FILES;
		return 0;
	case VALUE_IN_PLACE:
		arguments->open_flags |= PYDS_OPEN_IN_PLACE;
		return 0;
	case VALUE_VERSION:
		arguments->action = CLI_VERSION;
		return 0;
	case VALUE_MAN:
		arguments->action = CLI_MAN;
		return 0;
	case VALUE_COMPLETION:
		arguments->action = CLI_COMPLETION;
		arguments->shell = value;
		return 0;
	case VALUE_COMPLETE: /* hidden: for the scripts of --completion */
		arguments->line = value;
		return 0;
	case VALUE_MARKDOWN:
		arguments->action = CLI_MARKDOWN;
		return 0;
	case VALUE_HELP:
		arguments->action = CLI_HELP;
		return 0;
	default: /* getopt has said it */
		fprintf(stderr, "Try 'pydeepsize --help'.\n");
		return -1;
	}
}

/* A command needs a target, unless it is only asked for its help. */
static int wants_help(const struct cli_arguments *arguments)
{
	for (uint32_t i = 1; i < arguments->command_count; i++)
		if (strcmp(arguments->command[i], "--help") == 0 || strcmp(arguments->command[i], "-h") == 0)
			return 1;
	return 0;
}

static int check(struct cli_arguments *arguments)
{
	if (arguments->action != CLI_RUN)
		return 0;
	if (arguments->command_count == 0) {
		/* The prompt, whose target is checked like any other. */
		if (arguments->core == NULL && arguments->pid == 0)
			return complain("no command was given", "");
	} else if (!cli_is_command(arguments->command[0])) {
		return complain("there is no command ", arguments->command[0]);
	} else if (strcmp(arguments->command[0], "help") == 0) {
		arguments->action = CLI_HELP;
		return 0;
	}
	if (arguments->core != NULL && arguments->pid != 0)
		return complain("--core and --pid cannot both be given", "");
	if (arguments->core == NULL && arguments->pid == 0 && !wants_help(arguments))
		return complain("no target: give --core FILE or --pid PID before the command", "");
	return 0;
}

int cli_arguments_parse(struct cli_arguments *arguments, int argc, char *const *argv)
{
	*arguments = (struct cli_arguments){ .action = CLI_RUN };
	int option;
	/* "+": the command ends our options, what follows is the library's. */
	while ((option = getopt_long(argc, argv, "+h", long_options, NULL)) != -1)
		if (set_option(arguments, option == 'h' ? VALUE_HELP : option, optarg) != 0)
			return -1;
	int next = optind;
	/* "pydeepsize CORE COMMAND": the first is no command, the second is one; or the first is a file, and the second
	 * may be mistyped. */
	if (arguments->core == NULL && arguments->pid == 0 && next < argc && !cli_is_command(argv[next]) &&
	    ((next + 1 < argc && cli_is_command(argv[next + 1])) || access(argv[next], F_OK) == 0))
		arguments->core = argv[next++];
	arguments->command = (const char *const *)&argv[next];
	arguments->command_count = (uint32_t)(argc - next);
	return check(arguments);
}
