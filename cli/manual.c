/* SPDX-License-Identifier: MIT */
#include "manual.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "arguments.h"
#include "pydeepsize.h"

static const char introduction[] =
        "Says what the objects of a CPython process weigh that is stopped, hung or dead: from a core dump or a live\n"
        "process, without running code in it.\n";

static const struct {
	int status;
	const char *text;
} exit_statuses[] = {
	{ 0, "answered" },
	{ 1, "wrong usage, or X is not there" },
	{ 2, "the target cannot be read" },
	{ 3, "answered in part: the dump lacks something that matters" },
	{ 4, "answered, and it is over what --fail-over allows" },
	{ 130, "interrupted; what was known by then has been printed" },
};

enum { EXIT_STATUS_COUNT = sizeof exit_statuses / sizeof exit_statuses[0] };

static int help_one(const char *name)
{
	struct pyds_command_info info;
	for (uint32_t i = 0; cli_command_at(i, &info); i++) {
		if (strcmp(info.name, name) != 0)
			continue;
		printf("%s: %s\n\nUsage: pydeepsize TARGET %s\n\n%s", info.name, info.summary, info.usage, info.help);
		return 0;
	}
	fprintf(stderr, "pydeepsize: there is no command %s\n", name);
	return -1;
}

static void list_commands(void)
{
	struct pyds_command_info info;
	for (uint32_t i = 0; cli_command_at(i, &info); i++)
		printf("  %-22s %s\n", info.name, info.summary);
	printf("  %-22s %s\n", "help [COMMAND]", "this text, or that of one command");
}

int manual_help_at_prompt(const char *command)
{
	if (command != NULL)
		return help_one(command);
	list_commands();
	printf("  %-22s %s\n", "quit", "end; Ctrl-D does it, too");
	return 0;
}

int manual_help(const char *command)
{
	if (command != NULL)
		return help_one(command);
	printf("Usage: pydeepsize --core FILE | --pid PID [options] [COMMAND [arguments]]\n\n%s\nCommands:\n",
	       introduction);
	list_commands();
	printf("\nWithout a command: a prompt for commands, or their lines from standard input.\n"
	       "\nOptions before the command:\n");
	for (const struct cli_option *option = cli_options; option->spelling != NULL; option++)
		printf("  %-22s %s\n", option->spelling, option->text);
	printf("\nExit status:\n");
	for (int i = 0; i < EXIT_STATUS_COUNT; i++)
		printf("  %-22d %s\n", exit_statuses[i].status, exit_statuses[i].text);
	return 0;
}

/* Text as roff reads it: no line may begin a request, backslashes and hyphens are themselves. */
static void roff(const char *text)
{
	int at_start = 1;
	for (const char *at = text; *at != '\0'; at++) {
		if (at_start && (*at == '.' || *at == '\''))
			fputs("\\&", stdout);
		at_start = *at == '\n';
		if (*at == '\\')
			fputs("\\e", stdout);
		else if (*at == '-')
			fputs("\\-", stdout);
		else
			putchar(*at);
	}
}

void manual_man_page(void)
{
	struct pyds_command_info info;
	printf(".TH PYDEEPSIZE 1 \"\" \"pydeepsize %s\" \"User Commands\"\n", pyds_version());
	printf(".SH NAME\npydeepsize \\- what the objects of a stopped or dead CPython process weigh\n");
	printf(".SH SYNOPSIS\n.B pydeepsize\n\\-\\-core FILE | \\-\\-pid PID [options] [COMMAND [arguments]]\n.br\n"
	       ".B pydeepsize help\n[COMMAND]\n.SH DESCRIPTION\n");
	roff(introduction);
	printf(".SH OPTIONS\n");
	for (const struct cli_option *option = cli_options; option->spelling != NULL; option++) {
		printf(".TP\n.B ");
		roff(option->spelling);
		putchar('\n');
		roff(option->text);
		putchar('\n');
	}
	printf(".SH COMMANDS\nIn gdb and LLDB their names begin with py\\-. Without a command there is a prompt for "
	       "them, with\n"
	       "history (in ~/.local/state/pydeepsize, or the file that PYDEEPSIZE_HISTORY names; empty: none) and\n"
	       "completion; Ctrl\\-C ends a command, Ctrl\\-D the prompt. From a standard input that is no terminal\n"
	       "commands are read a line each; the exit status is that of the last one that failed.\n");
	for (uint32_t i = 0; cli_command_at(i, &info); i++) {
		printf(".SS ");
		roff(info.usage);
		putchar('\n');
		roff(info.summary);
		printf(".\n.PP\n.nf\n");
		roff(info.help);
		printf(".fi\n");
	}
	printf(".SH EXIT STATUS\n");
	for (int i = 0; i < EXIT_STATUS_COUNT; i++)
		printf(".TP\n.B %d\n%s\n", exit_statuses[i].status, exit_statuses[i].text);
}

void manual_markdown(void)
{
	struct pyds_command_info info;
	printf("# Commands\n\n<!-- Written by `pydeepsize --markdown` from the table of commands; edit "
	       "helper/report/commands.c. -->\n\n");
	printf("`py-NAME` in gdb and LLDB, `pydeepsize --core FILE NAME` or `pydeepsize --pid PID NAME` alone.\n\n");
	for (uint32_t i = 0; cli_command_at(i, &info); i++)
		printf("- [`%s`](#%s): %s\n", info.name, info.name, info.summary);
	for (uint32_t i = 0; cli_command_at(i, &info); i++)
		printf("\n## %s\n\n`%s`\n\n```\n%s```\n", info.name, info.usage, info.help);
	printf("\n## The program's own options\n\nThey stand before the command.\n\n```\n");
	for (const struct cli_option *option = cli_options; option->spelling != NULL; option++)
		printf("  %-22s %s\n", option->spelling, option->text);
	printf("```\n\n## Exit status\n\n| status | meaning |\n|---|---|\n");
	for (int i = 0; i < EXIT_STATUS_COUNT; i++)
		printf("| %d | %s |\n", exit_statuses[i].status, exit_statuses[i].text);
}
