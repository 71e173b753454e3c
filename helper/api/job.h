/* SPDX-License-Identifier: MIT
 * job: long work of a session, done by a thread of ours while the caller waits in slices: a command, or opening a
 * target. The thread blocks all signals, so a debugger loses none. Everything that it shares with the caller is guarded
 * by the session's relay, or atomic. */
#ifndef PYDS_API_JOB_H
#define PYDS_API_JOB_H

#include "api/session.h"
#include "base/progress.h"
#include "base/text.h"

struct pyds_job {
	struct pyds_session *session;
	/* On the worker. */
	int (*work)(struct pyds_job *job);
	/* On the caller's thread, when the worker has ended; may change status and error. NULL: nothing to do. */
	void (*settle)(struct pyds_job *job);
	/* Frees what the kind of job has beside this. */
	void (*clear)(struct pyds_job *job);
	struct progress progress;
	struct text text; /* the output */
	struct error error;
	int status;
	int32_t exit_status; /* while status is OK */
	pthread_t thread;
	bool is_started; /* thread is one to join */
	/* Guarded by the relay. */
	bool is_ready; /* finished, or a part waits: what the caller waits for */
	bool is_finished;
	bool has_part;
	struct text part; /* the worker's while there is none, else the caller's */
	bool is_joined, is_part_given; /* the caller's */
};

/* A job of `bytes`, which begin with a struct pyds_job and are otherwise zero; NULL: out of memory, which the session's
 * error then says. */
struct pyds_job *job_create(struct pyds_session *session, size_t bytes, int (*work)(struct pyds_job *job),
                            void (*clear)(struct pyds_job *job));
/* Sets it to work: the session's job from now on. On failure it is freed. */
int job_start(struct pyds_job *job);
/* The session is entered. Cancels if it still runs, waits, frees. */
void job_destroy(struct pyds_job *job);
/* The session is entered. As pyds_job_wait(). */
int32_t job_wait(struct pyds_job *job, uint32_t milliseconds);
/* On the worker: hands over what is in job->text, and waits till the part before was taken, so that memory holds two
 * parts and not the whole answer. ERROR_CANCELLED, without a sentence, if nobody wants more. */
int job_deliver(struct pyds_job *job);

#endif
