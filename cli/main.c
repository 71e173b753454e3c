/* SPDX-License-Identifier: MIT
 * pydeepsize, the program: opens a core file or a process, runs one command, prints its answer. Uses the public
 * interface of the library only, as the debuggers' front ends do. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "arguments.h"
#include "completion.h"
#include "manual.h"
#include "pydeepsize.h"
#include "targets.h"

enum {
	STATUS_USAGE = 1,
	STATUS_UNREADABLE = 2,
	STATUS_INTERRUPTED = 130,
	BRIEF_WORDS = 64, /* a brief command with more arguments than that is none */
	SLICE_MS = 50, /* how soon an interrupt is noticed */
	PROGRESS_FIRST_MS = 500, /* shorter work shows nothing */
	PROGRESS_EVERY_MS = 200,
};

static volatile sig_atomic_t is_interrupted;
static int write_error; /* errno of the first part that could not be written */

static void note_interrupt(int number)
{
	(void)number;
	is_interrupted = 1;
}

/* The first interrupt ends the command in order, a second one the program. */
static void catch_interrupts(void)
{
	struct sigaction action = { .sa_handler = note_interrupt, .sa_flags = (int)SA_RESETHAND };
	sigemptyset(&action.sa_mask);
	(void)sigaction(SIGINT, &action, NULL);
}

static uint64_t milliseconds_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint32_t terminal_width(void)
{
	struct winsize size;
	if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return 0;
}

static uint32_t terminal_colour(void)
{
	const char *no_colour = getenv("NO_COLOR");
	const char *terminal = getenv("TERM");
	if (no_colour != NULL && no_colour[0] != '\0')
		return 0;
	return isatty(STDOUT_FILENO) && terminal != NULL && strcmp(terminal, "dumb") != 0;
}

static int fail(const pyds_session *session, int32_t status)
{
	const char *message = pyds_session_error(session);
	fprintf(stderr, "pydeepsize: %s\n", message[0] != '\0' ? message : pyds_status_text(status));
	return status == PYDS_ERROR_ARGUMENT || status == PYDS_ERROR_NOT_FOUND ? STATUS_USAGE : STATUS_UNREADABLE;
}

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

/* *ret_job is NULL where no target was named: some commands, and help, need none. */
static int32_t begin_open(pyds_session *session, const struct cli_arguments *arguments, const struct targets *targets,
                          pyds_job **ret_job)
{
	const int is_brief = targets->count <= BRIEF_WORDS && cli_command_is_brief(targets->arguments[0]);
	const struct pyds_open_options options = {
		.struct_size = sizeof options,
		.flags = arguments->open_flags | (is_brief ? PYDS_OPEN_BRIEF : 0u),
		.sysroot = arguments->sysroot,
		.executable = arguments->executable,
		.debug_directory = arguments->debug_directory,
		.max_memory = arguments->max_memory,
		.spill_directory = arguments->spill_directory,
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

/* Who cannot be written to wants no more. */
static void write_part(pyds_job *job)
{
	const char *text;
	uint64_t length;
	if (pyds_job_part(job, &text, &length) != PYDS_OK || write_error != 0)
		return;
	errno = 0;
	if (fwrite(text, 1, length, stdout) < length) {
		write_error = errno != 0 ? errno : EIO;
		pyds_job_cancel(job);
	}
}

/* What is done counts an object once for each pass over it: once it is known how much there will be, only the share
 * says something. */
static void show_progress(const pyds_job *job)
{
	uint64_t done, total;
	pyds_job_progress(job, &done, &total);
	if (total > done)
		fprintf(stderr, "\r%.0f %%\033[K", 100.0 * (double)done / (double)total);
	else if (done > 0)
		fprintf(stderr, "\r%llu objects\033[K", (unsigned long long)done);
}

/* Waits for the end; shows on a terminal how far it is, and the answer as far as it is made. */
static void wait_for(pyds_job *job)
{
	const int shows = isatty(STDERR_FILENO);
	uint64_t next = milliseconds_now() + PROGRESS_FIRST_MS;
	int shown = 0, has_parts = 0;
	int32_t state;
	catch_interrupts();
	while ((state = pyds_job_wait(job, SLICE_MS)) != PYDS_JOB_FINISHED) {
		if (is_interrupted)
			pyds_job_cancel(job);
		if (state == PYDS_JOB_PART) {
			if (shown)
				fputs("\r\033[K", stderr);
			shown = 0;
			has_parts = 1;
			write_part(job);
		}
		if (!shows || has_parts || milliseconds_now() < next)
			continue;
		show_progress(job);
		fflush(stderr);
		shown = 1;
		next = milliseconds_now() + PROGRESS_EVERY_MS;
	}
	if (shown)
		fputs("\r\033[K", stderr);
}

static int32_t open_target(pyds_session *session, const struct cli_arguments *arguments, const struct targets *targets)
{
	pyds_job *job;
	int32_t status = begin_open(session, arguments, targets, &job);
	if (status < 0 || job == NULL)
		return status;
	wait_for(job);
	status = pyds_job_result(job, NULL, NULL, NULL);
	(void)pyds_job_destroy(job);
	return status;
}

/* Whoever reads our output may have had enough of it: that is no failure. */
static int finish_output(int exit_status)
{
	if (write_error == 0 && fflush(stdout) == 0 && !ferror(stdout))
		return exit_status;
	if (write_error != 0)
		errno = write_error;
	if (errno == EPIPE)
		return exit_status;
	perror("pydeepsize: cannot write the answer");
	return STATUS_UNREADABLE;
}

static int run_job(pyds_session *session, const struct targets *targets)
{
	const struct pyds_output_options output = {
		.struct_size = sizeof output,
		.width = terminal_width(),
		.colour = terminal_colour(),
		.in_parts = 1,
	};
	pyds_job *job;
	int32_t status = pyds_job_start(session, targets->count, targets->arguments, &output, &job);
	if (status < 0)
		return fail(session, status);
	wait_for(job);
	const char *text;
	uint64_t length;
	int32_t exit_status;
	status = pyds_job_result(job, &text, &length, &exit_status);
	(void)fwrite(text, 1, length, stdout);
	/* What was cut off for want of a reader was answered as far as it was wanted. */
	int result = finish_output(write_error == EPIPE ? 0 : exit_status);
	if (status < 0 && write_error == 0)
		(void)fail(session, status);
	pyds_job_destroy(job);
	return is_interrupted && status < 0 ? STATUS_INTERRUPTED : result;
}

/* A mistake in the arguments is said before a large target is opened: a command without one fails for that reason
 * only. */
static int32_t check_command(pyds_session *session, const struct targets *targets)
{
	pyds_job *job;
	int32_t status = pyds_job_start(session, targets->count, targets->arguments, NULL, &job);
	pyds_job_destroy(job);
	return status == PYDS_ERROR_STATE ? PYDS_OK : status;
}

static int run(const struct cli_arguments *arguments)
{
	struct targets targets;
	if (targets_expand(&targets, arguments->command, arguments->command_count) != 0) {
		targets_clear(&targets);
		return STATUS_USAGE;
	}
	pyds_session *session = pyds_session_create();
	int result = STATUS_UNREADABLE;
	if (session == NULL) {
		fprintf(stderr, "pydeepsize: out of memory\n");
	} else {
		int32_t status = check_command(session, &targets);
		if (status < 0) {
			result = fail(session, status);
		} else if ((status = open_target(session, arguments, &targets)) < 0) {
			/* Whatever is wrong with a target, that there is none included, it is not the usage. */
			(void)fail(session, status);
			result = is_interrupted ? STATUS_INTERRUPTED : STATUS_UNREADABLE;
		} else {
			result = run_job(session, &targets);
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

int main(int argc, char **argv)
{
	struct cli_arguments arguments;
	(void)signal(SIGPIPE, SIG_IGN);
	if (cli_arguments_parse(&arguments, argc, argv) != 0)
		return STATUS_USAGE;
	switch (arguments.action) {
	case CLI_HELP:
		return manual_help(help_topic(&arguments)) != 0 ? STATUS_USAGE : finish_output(0);
	case CLI_VERSION:
		printf("pydeepsize %s\n", pyds_version());
		return finish_output(0);
	case CLI_MAN:
		manual_man_page();
		return finish_output(0);
	case CLI_MARKDOWN:
		manual_markdown();
		return finish_output(0);
	case CLI_COMPLETION:
		if (completion_write(arguments.shell) != 0) {
			(void)fprintf(stderr, "pydeepsize: --completion takes bash, zsh or fish, not %s\n",
			              arguments.shell);
			return STATUS_USAGE;
		}
		return finish_output(0);
	default:
		return run(&arguments);
	}
}
