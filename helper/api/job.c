/* SPDX-License-Identifier: MIT */
#include "api/job.h"

#include <stdlib.h>
#include <time.h>

#include "base/allocation.h"
#include "base/threads.h"
#include "report/report.h"

_Static_assert((int)PYDS_JOB_RUNS == 0 && (int)PYDS_JOB_FINISHED == 1 && (int)PYDS_JOB_PART == 2, "scripts know these");

/* What was left out for want of memory, now or in what an earlier job of the session has kept, is not left out in
 * silence. */
static int check_memory(struct pyds_job *job, uint64_t failures)
{
	const struct target *target = job->session->target;
	if (allocation_failures() != failures)
		return error_set(&job->error, ERROR_NO_MEMORY,
		                 "memory ran out for a moment, and the answer may lack something: ask again");
	if (target != NULL && target->context->types.is_incomplete)
		return error_set(&job->error, ERROR_NO_MEMORY,
		                 "memory ran out earlier, and what is known of the target's types lacks "
		                 "something: open it again");
	return OK;
}

static void *work(void *argument)
{
	struct pyds_job *job = argument;
	const uint64_t failures = allocation_failures();
	job->status = job->work(job);
	if (job->status >= 0)
		job->status = check_memory(job, failures);
	relay_finish(&job->session->relay, &job->is_finished);
	relay_finish(&job->session->relay, &job->is_ready);
	return NULL;
}

enum { DELIVERY_LOOK_MS = 100 }; /* between two looks at the cancel flag while nobody takes a part */

int job_deliver(struct pyds_job *job)
{
	struct relay *relay = &job->session->relay;
	if (job->text.failed)
		return OK; /* report_run() says so */
	pthread_mutex_lock(&relay->mutex);
	while (job->has_part && !progress_is_cancelled(&job->progress)) {
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
	return is_free ? OK : ERROR_CANCELLED;
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

struct pyds_job *job_create(struct pyds_session *session, size_t bytes, int (*work_of)(struct pyds_job *job),
                            void (*clear)(struct pyds_job *job))
{
	struct pyds_job *job = calloc(1, bytes);
	if (job == NULL) {
		(void)error_set(&session->error, ERROR_NO_MEMORY, "out of memory for a command");
		return NULL;
	}
	job->session = session;
	job->work = work_of;
	job->clear = clear;
	return job;
}

int job_start(struct pyds_job *job)
{
	struct pyds_session *session = job->session;
	if (!thread_start(&job->thread, work, job)) {
		job_destroy(job);
		return error_set(&session->error, ERROR_NO_MEMORY, "cannot start a thread");
	}
	job->is_started = true;
	session->job = job;
	return OK;
}

int32_t job_wait(struct pyds_job *job, uint32_t milliseconds)
{
	struct pyds_session *session = job->session;
	if (job->is_joined)
		return PYDS_JOB_FINISHED;
	if (job->is_part_given)
		take_back_part(job);
	job->is_part_given = false;
	const bool is_ready = relay_serve(&session->relay, &job->is_ready, milliseconds);
	/* Nobody wants an answer that was made of zeros. */
	if (session->target != NULL && address_space_is_lost(session->target->space))
		progress_cancel(&job->progress);
	if (!is_ready)
		return PYDS_JOB_RUNS;
	/* The worker changes nothing of a part that waits. */
	if (job->has_part) {
		job->is_part_given = true;
		return PYDS_JOB_PART;
	}
	(void)pthread_join(job->thread, NULL);
	job->is_joined = true;
	if (job->settle != NULL)
		job->settle(job);
	if (job->status < 0)
		session->error = job->error;
	return PYDS_JOB_FINISHED;
}

void job_destroy(struct pyds_job *job)
{
	if (job->is_started && !job->is_joined) {
		progress_cancel(&job->progress);
		while (job_wait(job, 1000) != PYDS_JOB_FINISHED)
			continue;
	}
	if (job->session->job == job)
		job->session->job = NULL;
	job->clear(job);
	text_free(&job->text);
	text_free(&job->part);
	free(job);
}

PYDS_PUBLIC int32_t pyds_job_wait(pyds_job *job, uint32_t milliseconds)
{
	if (job == NULL)
		return ERROR_ARGUMENT;
	struct pyds_session *session = job->session;
	if (!session_continue(session))
		return ERROR_STATE;
	return session_leave(session, job_wait(job, milliseconds));
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
		return job->exit_status;
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

PYDS_PUBLIC int32_t pyds_job_destroy(pyds_job *job)
{
	if (job == NULL)
		return OK;
	struct pyds_session *session = job->session;
	if (!session_continue(session))
		return ERROR_STATE;
	job_destroy(job);
	return session_leave(session, OK);
}
