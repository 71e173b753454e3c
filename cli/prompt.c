/* SPDX-License-Identifier: MIT */
#include "prompt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "candidates.h"
#include "command.h"
#include "line_editor.h"
#include "manual.h"
#include "waiting.h"
#include "words.h"

const char *const prompt_words[] = { "help", "quit", "exit", NULL };

struct answered {
	int status; /* exit status of the last command that failed */
	int has_commands;
	int is_over;
};

static void run_words(pyds_session *session, const struct words *words, struct answered *answered)
{
	const char *name = words->items[0];
	int status = 0;
	answered->has_commands = 1;
	if (strcmp(name, "quit") == 0 || strcmp(name, "exit") == 0) {
		answered->is_over = 1;
		return;
	}
	if (strcmp(name, "help") == 0)
		status = manual_help_at_prompt(words->count > 1 ? words->items[1] : NULL) != 0 ? STATUS_USAGE : 0;
	else if (!cli_is_command(name)) {
		fprintf(stderr, "pydeepsize: there is no command %s; help lists them\n", name);
		status = STATUS_USAGE;
	} else {
		status = command_run(session, (const char *const *)words->items, words->count);
	}
	if (status != 0)
		answered->status = status;
}

static void run_line(pyds_session *session, const char *line, struct answered *answered)
{
	struct words words;
	if (words_split(&words, line) == 0 && words.count > 0 && words.items[0][0] != '#')
		run_words(session, &words, answered);
	words_free(&words);
	(void)command_finish_output(0);
}

static char *complete(void *context, const char *before, size_t *ret_start)
{
	return candidates_find(context, before, ret_start);
}

static int run_terminal(pyds_session *session)
{
	struct answered answered = { .status = 0 };
	const char *line;
	enum line_editor_end end;
	struct line_editor *editor = line_editor_create("(pydeepsize) ", complete, session);
	if (editor == NULL) {
		fprintf(stderr, "pydeepsize: this terminal cannot be used; give the command behind the target\n");
		return STATUS_UNREADABLE;
	}
	printf("findings is a good first command; help lists all, Tab completes, Ctrl-D ends.\n");
	waiting_catch_interrupts(1);
	while (!answered.is_over && (end = line_editor_read(editor, &line)) != LINE_EDITOR_END)
		if (end == LINE_EDITOR_LINE)
			run_line(session, line, &answered);
	line_editor_destroy(editor);
	return 0;
}

static int run_lines(pyds_session *session)
{
	struct answered answered = { .status = 0 };
	char *line = NULL;
	size_t bytes = 0;
	while (!answered.is_over && !waiting_is_interrupted() && waiting_write_error() == 0 &&
	       getline(&line, &bytes, stdin) >= 0) {
		line[strcspn(line, "\r\n")] = '\0';
		run_line(session, line, &answered);
	}
	free(line);
	if (waiting_is_interrupted())
		return STATUS_INTERRUPTED;
	if (ferror(stdin)) {
		perror("pydeepsize: cannot read standard input");
		return STATUS_UNREADABLE;
	}
	if (!answered.has_commands) {
		fprintf(stderr, "pydeepsize: no command was given; a core's first one is findings or heap\n"
		                "Try 'pydeepsize --help'.\n");
		return STATUS_USAGE;
	}
	return answered.status;
}

int prompt_run(pyds_session *session)
{
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) ? run_terminal(session) : run_lines(session);
}
