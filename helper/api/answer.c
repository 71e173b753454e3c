/* SPDX-License-Identifier: MIT
 * answer: a command as a job of its session. */
#include <stdlib.h>
#include <string.h>

#include "api/job.h"
#include "api/sized_struct.h"
#include "base/spill.h"
#include "report/report.h"

struct answer {
	struct pyds_job job;
	struct request request;
	uint64_t *targets;
	char **refusals; /* of each target: why it is none; NULL: it was found */
	struct text notes; /* for a JSON document: a line each */
	struct report report;
};

static int deliver(struct report *report)
{
	struct answer *answer = (struct answer *)((char *)report - offsetof(struct answer, report));
	return job_deliver(&answer->job) < 0 ? report_cancelled(report) : OK;
}

static int work(struct pyds_job *job)
{
	struct answer *answer = (struct answer *)job;
	const struct request *request = &answer->request;
	const struct pyds_session *session = job->session;
	const uint64_t most = request->numbers[OPTION_MAX_MEMORY];
	spill_to(request_has(request, OPTION_SPILL) ? request->words[OPTION_SPILL] : session->spill_directory);
	if (session->target != NULL)
		address_space_limit(session->target->space, most != 0 ? most : session->max_memory);
	int status = report_run(&answer->report);
	if (status == ERROR_NO_MEMORY && spill_directory() != NULL)
		error_note(&job->error, "is there room in %s?", spill_directory());
	job->exit_status = (int32_t)answer->report.exit_status;
	return status;
}

/* What was read of a target that changed under us may be anything: nobody is to see it. */
static void settle(struct pyds_job *job)
{
	const struct target *target = job->session->target;
	if (target == NULL || !address_space_is_lost(target->space))
		return;
	text_reset(&job->text);
	error_clear(&job->error);
	job->status = address_space_check(target->space, &job->error);
}

static void clear(struct pyds_job *job)
{
	struct answer *answer = (struct answer *)job;
	for (size_t i = 0; answer->refusals != NULL && i < answer->request.targets.count; i++)
		free(answer->refusals[i]);
	request_clear(&answer->request);
	free(answer->refusals);
	free(answer->targets);
	text_free(&answer->notes);
}

static void fill_report(struct answer *answer, const struct pyds_output_options *output)
{
	struct pyds_job *job = &answer->job;
	struct target *target = job->session->target;
	answer->report = (struct report){
		.request = &answer->request,
		.targets = answer->targets,
		.refusals = (const char *const *)answer->refusals,
		.target = target,
		.decoder = target != NULL ? &target->decoder : NULL,
		.naming = target != NULL ? &target->naming : NULL,
		.names = job->session->names,
		.notes = &answer->notes,
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

/* One of several targets that leads nowhere does not take the others' answers away. */
static int resolve(struct answer *answer, size_t index, bool is_alone)
{
	struct pyds_session *session = answer->job.session;
	struct text *note = request_has(&answer->request, OPTION_JSON) ? &answer->notes : &answer->job.text;
	const int status =
	        session_resolve(session, answer->request.targets.items[index], &answer->targets[index], note);
	if (is_alone || (status != ERROR_NOT_FOUND && status != ERROR_ARGUMENT))
		return status;
	answer->refusals[index] = strdup(session->error.message);
	error_clear(&session->error);
	return answer->refusals[index] != NULL
	               ? OK
	               : error_set(&session->error, ERROR_NO_MEMORY, "out of memory for what is no target");
}

/* Everything that is done before pyds_job_start() returns. */
static int prepare(struct answer *answer, uint32_t argument_count, const char *const *arguments,
                   const struct pyds_output_options *output)
{
	struct pyds_session *session = answer->job.session;
	struct pyds_output_options own;
	TRY(sized_struct_read(&own, sizeof own, output, "pyds_output_options", &session->error));
	TRY(request_parse(&answer->request, argument_count, arguments, &session->error));
	const bool only_help = request_has(&answer->request, OPTION_HELP);
	if (!only_help) {
		TRY(session_require_target(session));
		TRY(address_space_check(session->target->space, &session->error));
	}
	size_t count = answer->request.targets.count;
	answer->targets = calloc(count + 1, sizeof *answer->targets);
	answer->refusals = calloc(count + 1, sizeof *answer->refusals);
	if (answer->targets == NULL || answer->refusals == NULL)
		return error_set(&session->error, ERROR_NO_MEMORY, "out of memory for %zu targets", count);
	for (size_t i = 0; i < count && !only_help; i++)
		TRY(resolve(answer, i, count == 1));
	fill_report(answer, &own);
	return OK;
}

static int start(struct pyds_session *session, uint32_t argument_count, const char *const *arguments,
                 const struct pyds_output_options *output, struct pyds_job **ret_job)
{
	TRY(session_require_no_job(session));
	struct answer *answer = (struct answer *)job_create(session, sizeof *answer, work, clear);
	if (answer == NULL)
		return ERROR_NO_MEMORY;
	answer->job.settle = settle;
	int status = prepare(answer, argument_count, arguments, output);
	if (status < 0) {
		job_destroy(&answer->job);
		return status;
	}
	TRY(job_start(&answer->job));
	*ret_job = &answer->job;
	return OK;
}

PYDS_PUBLIC int32_t pyds_job_start(pyds_session *session, uint32_t argument_count, const char *const *arguments,
                                   const struct pyds_output_options *output, pyds_job **ret_job)
{
	if (session == NULL || ret_job == NULL)
		return ERROR_ARGUMENT;
	*ret_job = NULL;
	if (!session_enter(session))
		return ERROR_STATE;
	return session_leave(session, start(session, argument_count, arguments, output, ret_job));
}
