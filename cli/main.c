/* SPDX-License-Identifier: MIT
 * pydeepsize, the program: opens a core file or a process, runs one command or those of a prompt, prints the
 * answers. Uses the public interface of the library only, as the debuggers' front ends do. */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "candidates.h"
#include "command.h"
#include "completion.h"
#include "manual.h"
#include "prompt.h"
#include "pydeepsize.h"
#include "targets.h"
#include "waiting.h"

enum {
	BRIEF_WORDS = 64, /* a brief command with more arguments than that is none */
	LARGE_BYTES = 1 << 20, /* an array that is given back to the system as soon as it is free */
};

/* Where memory runs out in spite of all care, the kernel is to end this program, not the one that is looked at. Raising
 * the score needs no privilege; where it fails, the estimates have to do. */
static void step_forward(void)
{
	FILE *file = fopen("/proc/self/oom_score_adj", "we");
	if (file == NULL)
		return;
	(void)fputs("1000", file);
	(void)fclose(file);
}

/* malloc learns from large blocks that were freed to keep the next of that size, up to 32 MiB, in its heap: there each
 * array that grew leaves a hole. It does not where it is told what is large. */
static void return_memory(void)
{
#ifdef M_MMAP_THRESHOLD
	(void)mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
#endif
}

/* *ret_job is NULL where no target was named: some commands, and help, need none. */
static int32_t begin_open(pyds_session *session, const struct cli_arguments *arguments, const struct targets *targets,
                          pyds_job **ret_job)
{
	const int is_brief =
	        targets->count > 0 && targets->count <= BRIEF_WORDS && cli_command_is_brief(targets->arguments[0]);
	const struct pyds_open_options options = {
		.struct_size = sizeof options,
		.flags = arguments->open_flags | (is_brief ? PYDS_OPEN_BRIEF : 0u),
		.sysroot = arguments->sysroot,
		.executable = arguments->executable,
		.debug_directory = arguments->debug_directory,
		.max_memory = arguments->max_memory,
		.spill_directory = arguments->spill_directory,
		.max_expanded = arguments->max_expanded,
	};
	*ret_job = NULL;
	if (arguments->core != NULL)
		return pyds_open_core(session, arguments->core, &options, ret_job);
	if (arguments->pid != 0) {
		step_forward();
		return pyds_open_process(session, arguments->pid, &options, ret_job);
	}
	return PYDS_OK;
}

static int32_t open_target(pyds_session *session, const struct cli_arguments *arguments, const struct targets *targets)
{
	pyds_job *job;
	int32_t status = begin_open(session, arguments, targets, &job);
	if (status < 0 || job == NULL)
		return status;
	waiting_for(job);
	status = pyds_job_result(job, NULL, NULL, NULL);
	(void)pyds_job_destroy(job);
	return status;
}

/* A mistake in the arguments is said before a large target is opened: a command without one fails for that reason
 * only. */
static int32_t check_command(pyds_session *session, const struct targets *targets)
{
	pyds_job *job;
	if (targets->count == 0)
		return PYDS_OK;
	int32_t status = pyds_job_start(session, targets->count, targets->arguments, NULL, &job);
	pyds_job_destroy(job);
	return status == PYDS_ERROR_STATE ? PYDS_OK : status;
}

static int run_opened(pyds_session *session, const struct cli_arguments *arguments, const struct targets *targets)
{
	size_t start;
	if (arguments->line == NULL)
		return targets->count == 0 ? prompt_run(session)
		                           : command_run(session, targets->arguments, targets->count);
	char *found = candidates_find(session, arguments->line, &start);
	if (found != NULL)
		(void)fputs(found, stdout);
	free(found);
	return command_finish_output(0);
}

static int run(const struct cli_arguments *arguments)
{
	struct targets targets;
	if (targets_expand(&targets, arguments->command, arguments->command_count) != 0) {
		targets_clear(&targets);
		return STATUS_USAGE;
	}
	waiting_catch_interrupts(0);
	return_memory();
	pyds_session *session = pyds_session_create();
	int result = STATUS_UNREADABLE;
	if (session == NULL) {
		fprintf(stderr, "pydeepsize: out of memory\n");
	} else {
		int32_t status = check_command(session, &targets);
		if (status < 0) {
			result = command_fail(session, status);
		} else if ((status = open_target(session, arguments, &targets)) < 0) {
			/* Whatever is wrong with a target, that there is none included, it is not the usage. */
			(void)command_fail(session, status);
			result = waiting_is_interrupted() ? STATUS_INTERRUPTED : STATUS_UNREADABLE;
		} else {
			result = run_opened(session, arguments, &targets);
		}
	}
	pyds_session_destroy(session);
	targets_clear(&targets);
	return result;
}

static const char *help_topic(const struct cli_arguments *arguments)
{
	if (arguments->command_count > 1 && strcmp(arguments->command[0], "help") == 0)
		return arguments->command[1];
	return NULL;
}

/* `gdb`, `lldb` and `mcp` are the Python package's; its own program comes here for all else. */
static int run_package(char **argv)
{
	static const char *const names[] = { "gdb", "lldb", "mcp" };
	static const char code[] =
	        "import runpy, sys; sys.argv[0] = 'pydeepsize'\n"
	        "try:\n    import pydeepsize\n"
	        "except ImportError: sys.exit('pydeepsize: this needs the Python package: pip install "
	        "pydeepsize')\n"
	        "runpy.run_module('pydeepsize', run_name='__main__')";
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (strcmp(argv[1], names[i]) != 0)
			continue;
		size_t count = 0;
		while (argv[count] != NULL)
			count++;
		const char **words = calloc(count + 3, sizeof *words);
		if (words == NULL)
			break;
		words[0] = "python3";
		words[1] = "-c";
		words[2] = code;
		memcpy(&words[3], &argv[1], (count - 1) * sizeof *words);
		(void)execvp("python3", (char *const *)words);
		perror("pydeepsize: python3 cannot be run");
		free(words);
		return STATUS_UNREADABLE;
	}
	return -1;
}

int main(int argc, char **argv)
{
	struct cli_arguments arguments;
	const int status = argc > 1 ? run_package(argv) : -1;
	if (status >= 0)
		return status;
	(void)signal(SIGPIPE, SIG_IGN);
	if (cli_arguments_parse(&arguments, argc, argv) != 0)
		return STATUS_USAGE;
	switch (arguments.action) {
	case CLI_HELP:
		return manual_help(help_topic(&arguments)) != 0 ? STATUS_USAGE : command_finish_output(0);
	case CLI_VERSION:
		printf("pydeepsize %s\n", pyds_version());
		return command_finish_output(0);
	case CLI_MAN:
		manual_man_page();
		return command_finish_output(0);
	case CLI_MARKDOWN:
		manual_markdown();
		return command_finish_output(0);
	case CLI_COMPLETION:
		if (completion_write(arguments.shell) != 0) {
			(void)fprintf(stderr, "pydeepsize: --completion takes bash, zsh or fish, not %s\n",
			              arguments.shell);
			return STATUS_USAGE;
		}
		return command_finish_output(0);
	default:
		return run(&arguments);
	}
}
