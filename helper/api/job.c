/* SPDX-License-Identifier: MIT
 * job: one command, worked on by a thread of ours while the caller waits in slices. The thread blocks all signals, so
 * a debugger loses none. Everything that it shares with the caller is guarded by the session's relay, or atomic. */
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include "api/session.h"
#include "api/sized_struct.h"
#include "base/threads.h"
#include "report/report.h"

struct pyds_job {
	struct pyds_session *session;
	struct request request;
	uint64_t *targets;
	struct progress progress;
	struct report report;
	struct text text;
	struct error error;
	pthread_t thread;
	bool is_started; /* thread is one to join */
	/* Guarded by the relay. */
	bool is_ready; /* finished, or a part waits: what the caller waits for */
	bool is_finished;
	bool has_part;
	struct text part; /* the worker's while there is none, else the caller's */
	bool is_joined, is_part_given; /* the caller's */
	int status;
};

static void *work(void *argument)
{
	struct pyds_job *job = argument;
	job->status = report_run(&job->report);
	relay_finish(&job->session->relay, &job->is_finished);
	relay_finish(&job->session->relay, &job->is_ready);
	return NULL;
}

enum { DELIVERY_LOOK_MS = 100 }; /* between two looks at the cancel flag while nobody takes a part */

/* On the worker: waits till the part before was taken, so that memory holds two parts and not the whole answer. */
static int deliver(struct report *report)
{
	struct pyds_job *job = (struct pyds_job *)((char *)report - offsetof(struct pyds_job, report));
	struct relay *relay = &job->session->relay;
	if (job->text.failed)
		return OK; /* report_run() says so */
	pthread_mutex_lock(&relay->mutex);
	while (job->has_part && !report_is_cancelled(report)) {
		struct timespec until;
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += DELIVERY_LOOK_MS * 1000000L;
		if (until.tv_nsec >= 1000000000) {
			until.tv_sec++;
			until.tv_nsec -= 1000000000;
		}
		(void)pthread_cond_timedwait(&relay->changed, &relay->mutex, &until);
	}
	const bool is_free = !job->has_part;
	if (is_free) {
		struct text swapped = job->part;
		job->part = job->text;
		job->text = swapped;
		text_reset(&job->text);
		job->has_part = job->is_ready = true;
		pthread_cond_broadcast(&relay->changed);
	}
	pthread_mutex_unlock(&relay->mutex);
	return is_free ? OK : report_cancelled(report);
}

/* On the caller's thread: the part that it was given is done with. */
static void take_back_part(struct pyds_job *job)
{
	struct relay *relay = &job->session->relay;
	pthread_mutex_lock(&relay->mutex);
	if (job->has_part) {
		job->has_part = false;
		job->is_ready = job->is_finished;
		pthread_cond_broadcast(&relay->changed);
	}
	pthread_mutex_unlock(&relay->mutex);
}

static int start_thread(struct pyds_job *job, struct error *error)
{
	if (!thread_start(&job->thread, work, job))
		return error_set(error, ERROR_NO_MEMORY, "cannot start a thread");
	job->is_started = true;
	return OK;
}

static void fill_report(struct pyds_job *job, const struct pyds_output_options *output)
{
	struct pyds_session *session = job->session;
	job->report = (struct report){
		.request = &job->request,
		.targets = job->targets,
		.target = session->target,
		.decoder = session->target != NULL ? &session->target->decoder : NULL,
		.naming = session->target != NULL ? &session->target->naming : NULL,
		.names = session->names,
		.style = { .width = output->width != 0 ? output->width : 80,
		           .colour = output->colour != 0,
		           .prefix = output->prefix_commands != 0 },
		.progress = &job->progress,
		.text = &job->text,
		.deliver = output->in_parts != 0 ? deliver : NULL,
		.error = &job->error,
		.exit_status = EXIT_ANSWERED,
	};
}

/* Everything that is done before pyds_job_start() returns. */
static int prepare(struct pyds_job *job, uint32_t argument_count, const char *const *arguments,
                   const struct pyds_output_options *output)
{
	struct pyds_session *session = job->session;
	struct pyds_output_options own;
	TRY(sized_struct_read(&own, sizeof own, output, "pyds_output_options", &session->error));
	TRY(request_parse(&job->request, argument_count, arguments, &session->error));
	const bool only_help = request_has(&job->request, OPTION_HELP);
	if (!only_help)
		TRY(session_require_target(session));
	size_t count = job->request.targets.count;
	job->targets = calloc(count + 1, sizeof *job->targets);
	if (job->targets == NULL)
		return error_set(&session->error, ERROR_NO_MEMORY, "out of memory for %zu targets", count);
	for (size_t i = 0; i < count && !only_help; i++)
		TRY(session_resolve(session, job->request.targets.items[i], &job->targets[i]));
	fill_report(job, &own);
	return start_thread(job, &session->error);
}

PYDS_PUBLIC int32_t pyds_job_start(pyds_session *session, uint32_t argument_count, const char *const *arguments,
                                   const struct pyds_output_options *output, pyds_job **ret_job)
{
	if (session == NULL || ret_job == NULL)
		return ERROR_ARGUMENT;
	*ret_job = NULL;
	session_enter(session);
	if (session->job != NULL)
		return error_set(&session->error, ERROR_STATE, "another command of this session is still running");
	struct pyds_job *job = calloc(1, sizeof *job);
	if (job == NULL)
		return error_set(&session->error, ERROR_NO_MEMORY, "out of memory for a command");
	job->session = session;
	int status = prepare(job, argument_count, arguments, output);
	if (status < 0) {
		pyds_job_destroy(job);
		return status;
	}
	session->job = job;
	*ret_job = job;
	return OK;
}

PYDS_PUBLIC int32_t pyds_job_wait(pyds_job *job, uint32_t milliseconds)
{
	if (job == NULL)
		return ERROR_ARGUMENT;
	if (job->is_joined)
		return 1;
	if (job->is_part_given)
		take_back_part(job);
	job->is_part_given = false;
	if (!relay_serve(&job->session->relay, &job->is_ready, milliseconds))
		return 0;
	/* The worker changes nothing of a part that waits. */
	if (job->has_part) {
		job->is_part_given = true;
		return PYDS_JOB_PART;
	}
	(void)pthread_join(job->thread, NULL);
	job->is_joined = true;
	if (job->status < 0)
		job->session->error = job->error;
	return 1;
}

PYDS_PUBLIC int32_t pyds_job_part(const pyds_job *job, const char **ret_output, uint64_t *ret_length)
{
	if (job == NULL || !job->is_part_given)
		return ERROR_STATE;
	if (ret_output != NULL)
		*ret_output = text_string(&job->part);
	if (ret_length != NULL)
		*ret_length = job->part.length;
	return OK;
}

PYDS_PUBLIC void pyds_job_progress(const pyds_job *job, uint64_t *ret_done, uint64_t *ret_total)
{
	/* C11 has no atomic load of a const object. */
	struct progress *progress = (struct progress *)&job->progress;
	if (ret_done != NULL)
		*ret_done = atomic_load_explicit(&progress->done, memory_order_relaxed);
	if (ret_total != NULL)
		*ret_total = atomic_load_explicit(&progress->total, memory_order_relaxed);
}

PYDS_PUBLIC void pyds_job_cancel(pyds_job *job)
{
	if (job != NULL)
		progress_cancel(&job->progress);
}

static int32_t exit_status_of(const struct pyds_job *job)
{
	if (job->status >= 0)
		return job->report.exit_status;
	return job->status == ERROR_ARGUMENT || job->status == ERROR_NOT_FOUND ? EXIT_USAGE
	       : job->status == ERROR_CANCELLED                                ? EXIT_PARTIAL
	                                                                       : EXIT_UNREADABLE;
}

PYDS_PUBLIC int32_t pyds_job_result(const pyds_job *job, const char **ret_output, uint64_t *ret_length,
                                    int32_t *ret_exit_status)
{
	if (job == NULL || !job->is_joined)
		return ERROR_STATE;
	if (ret_output != NULL)
		*ret_output = text_string(&job->text);
	if (ret_length != NULL)
		*ret_length = job->text.length;
	if (ret_exit_status != NULL)
		*ret_exit_status = exit_status_of(job);
	return job->status;
}

PYDS_PUBLIC void pyds_job_destroy(pyds_job *job)
{
	if (job == NULL)
		return;
	if (job->is_started && !job->is_joined) {
		pyds_job_cancel(job);
		while (pyds_job_wait(job, 1000) != 1)
			continue;
	}
	if (job->session->job == job)
		job->session->job = NULL;
	request_clear(&job->request);
	text_free(&job->text);
	text_free(&job->part);
	free(job->targets);
	free(job);
}
