/* SPDX-License-Identifier: MIT */
#include "command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "waiting.h"

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

int command_fail(const pyds_session *session, int32_t status)
{
	const char *message = pyds_session_error(session);
	fprintf(stderr, "pydeepsize: %s\n", message[0] != '\0' ? message : pyds_status_text(status));
	return status == PYDS_ERROR_ARGUMENT || status == PYDS_ERROR_NOT_FOUND ? STATUS_USAGE : STATUS_UNREADABLE;
}

int command_finish_output(int exit_status)
{
	if (waiting_write_error() == 0 && fflush(stdout) == 0 && !ferror(stdout))
		return exit_status;
	if (waiting_write_error() != 0)
		errno = waiting_write_error();
	if (errno == EPIPE)
		return exit_status;
	perror("pydeepsize: cannot write the answer");
	return STATUS_UNREADABLE;
}

int command_run(pyds_session *session, const char *const *words, uint32_t count)
{
	const struct pyds_output_options output = {
		.struct_size = sizeof output,
		.width = terminal_width(),
		.colour = terminal_colour(),
		.in_parts = 1,
	};
	pyds_job *job;
	int32_t status = pyds_job_start(session, count, words, &output, &job);
	if (status < 0)
		return command_fail(session, status);
	waiting_for(job);
	const char *text;
	uint64_t length;
	int32_t exit_status;
	status = pyds_job_result(job, &text, &length, &exit_status);
	(void)fwrite(text, 1, length, stdout);
	/* What was cut off for want of a reader was answered as far as it was wanted. */
	int result = command_finish_output(waiting_write_error() == EPIPE ? 0 : exit_status);
	if (status < 0 && waiting_write_error() == 0)
		(void)command_fail(session, status);
	pyds_job_destroy(job);
	return waiting_is_interrupted() && status < 0 ? STATUS_INTERRUPTED : result;
}
