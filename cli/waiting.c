/* SPDX-License-Identifier: MIT */
#include "waiting.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum {
	SLICE_MS = 50, /* how soon an interrupt is noticed */
	PROGRESS_FIRST_MS = 500, /* shorter work shows nothing */
	PROGRESS_EVERY_MS = 200,
};

static volatile sig_atomic_t is_interrupted;
static int write_error;

static void note_interrupt(int number)
{
	(void)number;
	is_interrupted = 1;
}

void waiting_catch_interrupts(int is_prompt)
{
	struct sigaction action = { .sa_handler = note_interrupt, .sa_flags = is_prompt ? 0 : (int)SA_RESETHAND };
	sigemptyset(&action.sa_mask);
	(void)sigaction(SIGINT, &action, NULL);
}

int waiting_is_interrupted(void)
{
	return is_interrupted;
}

void waiting_begin(void)
{
	is_interrupted = 0;
	write_error = 0;
}

int waiting_write_error(void)
{
	return write_error;
}

static uint64_t milliseconds_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
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

void waiting_for(pyds_job *job)
{
	const int shows = isatty(STDERR_FILENO);
	uint64_t next = milliseconds_now() + PROGRESS_FIRST_MS;
	int shown = 0, has_parts = 0;
	int32_t state;
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
