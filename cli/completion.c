/* SPDX-License-Identifier: MIT */
#include "completion.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "arguments.h"
#include "pydeepsize.h"

/* "--core" of "--core FILE"; has_value: whether something follows. */
static int option_length(const struct cli_option *option, int *has_value)
{
	const size_t length = strcspn(option->spelling, " ");
	*has_value = option->spelling[length] != '\0';
	return (int)length;
}

static void print_own_options(const char *before, const char *after)
{
	int has_value;
	for (const struct cli_option *option = cli_options; option->spelling != NULL; option++)
		printf("%s%.*s%s", before, option_length(option, &has_value), option->spelling, after);
}

static void print_commands(const char *between)
{
	struct pyds_command_info info;
	for (uint32_t i = 0; cli_command_at(i, &info); i++)
		printf("%s%s", i > 0 ? between : "", info.name);
}

/* Finds the command among the words before the one that is completed; $words becomes what may stand there. */
static void write_bash(void)
{
	struct pyds_command_info info;
	printf("# Completion of pydeepsize for bash, written by `pydeepsize --completion bash`.\n"
	       "_pydeepsize() {\n"
	       "\tlocal current=${COMP_WORDS[COMP_CWORD]} command= word words\n"
	       "\tfor word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
	       "\t\tcase $word in ");
	print_commands("|");
	printf(") command=$word; break ;; esac\n\tdone\n\tcase $command in\n\t'') words='help ");
	print_commands(" ");
	print_own_options(" ", "");
	printf("' ;;\n");
	for (uint32_t i = 0; cli_command_at(i, &info); i++)
		printf("\t%s) words='%s' ;;\n", info.name, info.options);
	printf("\tesac\n"
	       "\t[[ -z $command || $current == -* ]] || words=\n"
	       "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
	       "}\n"
	       "complete -o default -F _pydeepsize pydeepsize\n");
}

/* zsh takes bash's functions through its own bridge. */
static void write_zsh(void)
{
	printf("#compdef pydeepsize\n# Completion of pydeepsize for zsh, written by `pydeepsize --completion zsh`.\n"
	       "autoload -U +X bashcompinit && bashcompinit\n");
	write_bash();
}

/* Summaries have apostrophes. */
static void print_quoted(const char *text)
{
	putchar('\'');
	for (; *text != '\0'; text++) {
		if (*text == '\'' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
	putchar('\'');
}

static void write_fish(void)
{
	struct pyds_command_info info;
	int has_value;
	printf("# Completion of pydeepsize for fish, written by `pydeepsize --completion fish`.\n");
	for (const struct cli_option *option = cli_options; option->spelling != NULL; option++) {
		const int length = option_length(option, &has_value);
		printf("complete -c pydeepsize -n __fish_use_subcommand -l %.*s %s -d ", length - 2,
		       option->spelling + 2, has_value ? "-r" : "");
		print_quoted(option->text);
		putchar('\n');
	}
	for (uint32_t i = 0; cli_command_at(i, &info); i++) {
		printf("complete -c pydeepsize -n __fish_use_subcommand -f -a %s -d ", info.name);
		print_quoted(info.summary);
		putchar('\n');
		for (const char *at = info.options; *at != '\0';) {
			const size_t length = strcspn(at, " ");
			if (length > 2)
				printf("complete -c pydeepsize -n '__fish_seen_subcommand_from %s' -l %.*s\n",
				       info.name, (int)length - 2, at + 2);
			at += length + strspn(at + length, " ");
		}
	}
}

int completion_write(const char *shell)
{
	if (strcmp(shell, "bash") == 0)
		write_bash();
	else if (strcmp(shell, "zsh") == 0)
		write_zsh();
	else if (strcmp(shell, "fish") == 0)
		write_fish();
	else
		return -1;
	return 0;
}
