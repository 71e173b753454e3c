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

static void print_commands_with_targets(const char *between)
{
	struct pyds_command_info info;
	const char *before = "";
	for (uint32_t i = 0; cli_command_at(i, &info); i++) {
		if ((info.flags & PYDS_COMMAND_TAKES_TARGETS) == 0)
			continue;
		printf("%s%s", before, info.name);
		before = between;
	}
}

/* Finds the command among the words before the one that is completed. The program itself is asked for Python paths of a
 * core; a process would be stopped for that. Its answer is never expanded: names of the target may look like commands
 * of the shell. */
static void write_function(const char *name)
{
	struct pyds_command_info info;
	printf("%s() {\n"
	       "\tlocal current=${COMP_WORDS[COMP_CWORD]} command= index word words\n"
	       "\tfor ((index = 1; index < COMP_CWORD; index++)); do\n"
	       "\t\tcase ${COMP_WORDS[index]} in ",
	       name);
	print_commands("|");
	printf(") command=${COMP_WORDS[index]}; break ;; esac\n\tdone\n\tCOMPREPLY=()\n\tcase $command in\n"
	       "\t'') words='help ");
	print_commands(" ");
	print_own_options(" ", "");
	printf("' ;;\n");
	for (uint32_t i = 0; cli_command_at(i, &info); i++)
		printf("\t%s) words='%s' ;;\n", info.name, info.options);
	printf("\tesac\n"
	       "\tif [[ -z $command || $current == -* ]]; then\n"
	       "\t\tCOMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
	       "\t\treturn\n"
	       "\tfi\n"
	       "\t[[ \" ${COMP_WORDS[*]:1:$((index - 1))} \" != *' --pid'* ]] || return\n"
	       "\tcase $command in ");
	print_commands_with_targets("|");
	printf(") ;; *) return ;; esac\n"
	       "\twhile IFS= read -r word; do\n"
	       "\t\tCOMPREPLY+=(\"$word\")\n"
	       "\tdone < <(timeout 2 \"${COMP_WORDS[0]}\" --complete \"$command $current\" "
	       "\"${COMP_WORDS[@]:1:$((index - 1))}\" 2>/dev/null </dev/null)\n"
	       "\t[[ -z $BASH_VERSION || ${#COMPREPLY[@]} == 0 ]] || compopt -o nospace 2>/dev/null\n"
	       "}\n");
}

static void write_bash(void)
{
	printf("# Completion of pydeepsize for bash, written by `pydeepsize --completion bash`.\n");
	write_function("_pydeepsize");
	printf("complete -o default -F _pydeepsize pydeepsize\n");
}

/* zsh takes bash's functions through its own bridge. The file is the body of a function that it calls each time. */
static void write_zsh(void)
{
	printf("#compdef pydeepsize\n# Completion of pydeepsize for zsh, written by `pydeepsize --completion zsh`.\n"
	       "autoload -U +X bashcompinit && bashcompinit\n");
	write_function("_pydeepsize_words");
	printf("_bash_complete -o default -F _pydeepsize_words\n");
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
	/* fish's own __fish_use_subcommand takes the value of --core for a command. */
	printf("# Completion of pydeepsize for fish, written by `pydeepsize --completion fish`.\n"
	       "function __pydeepsize_needs_command\n\tnot __fish_seen_subcommand_from ");
	print_commands(" ");
	printf("\nend\n");
	for (const struct cli_option *option = cli_options; option->spelling != NULL; option++) {
		const int length = option_length(option, &has_value);
		printf("complete -c pydeepsize -n __pydeepsize_needs_command -l %.*s %s -d ", length - 2,
		       option->spelling + 2, has_value ? "-r" : "");
		print_quoted(option->text);
		putchar('\n');
	}
	for (uint32_t i = 0; cli_command_at(i, &info); i++) {
		printf("complete -c pydeepsize -n __pydeepsize_needs_command -f -a %s -d ", info.name);
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
	printf("function __pydeepsize_paths\n"
	       "\tset -l words (commandline -opc)\n"
	       "\tset -l before\n"
	       "\tfor word in $words[2..-1]\n"
	       "\t\tswitch $word\n"
	       "\t\t\tcase '--pid*'\n\t\t\t\treturn\n"
	       "\t\t\tcase ");
	print_commands_with_targets(" ");
	printf("\n\t\t\t\ttimeout 2 $words[1] --complete \"$word \"(commandline -ct) $before 2>/dev/null </dev/null\n"
	       "\t\t\t\treturn\n"
	       "\t\tend\n"
	       "\t\tset -a before $word\n"
	       "\tend\n"
	       "end\n"
	       "complete -c pydeepsize -n '__fish_seen_subcommand_from ");
	print_commands_with_targets(" ");
	printf("' -f -a '(__pydeepsize_paths)'\n");
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
