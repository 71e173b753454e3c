/* SPDX-License-Identifier: MIT
 * object: sizes of one object, for convenience functions of debuggers and for scripts. */
#include <inttypes.h>

#include "api/job.h"
#include "decode/allocated.h"

static int resolve(struct pyds_session *session, const char *expression, uint64_t *ret_address)
{
	TRY(session_require_target(session));
	TRY(address_space_check(session->target->space, &session->error));
	return session_resolve(session, expression, ret_address, NULL);
}

PYDS_PUBLIC int32_t pyds_resolve(pyds_session *session, const char *expression, uint64_t *ret_address)
{
	if (session == NULL || expression == NULL || ret_address == NULL)
		return ERROR_ARGUMENT;
	return session_enter(session) ? session_leave(session, resolve(session, expression, ret_address)) : ERROR_STATE;
}

static int complete(struct pyds_session *session, const char *beginning)
{
	TRY(session_require_target(session));
	TRY(address_space_check(session->target->space, &session->error));
	text_reset(&session->strings);
	return names_complete(&session->target->naming, beginning, &session->names, &session->strings, &session->error);
}

PYDS_PUBLIC int32_t pyds_complete(pyds_session *session, const char *beginning, const char **ret_lines)
{
	if (session == NULL || beginning == NULL || ret_lines == NULL)
		return ERROR_ARGUMENT;
	*ret_lines = "";
	if (!session_enter(session))
		return ERROR_STATE;
	const int status = complete(session, beginning);
	if (status >= 0)
		*ret_lines = text_string(&session->strings);
	return session_leave(session, status);
}

static int decode_at(struct pyds_session *session, uint64_t address)
{
	if (decode_object(&session->target->decoder, address))
		return OK;
	const char *reason = session->target->decoder.out.reason;
	return error_set(&session->error, ERROR_NOT_FOUND, "0x%" PRIx64 " is not an object: %s", address,
	                 reason != NULL ? reason : "no object head is there");
}

static int find_sizes(struct pyds_session *session, uint64_t address, uint64_t *ret_shallow, uint64_t *ret_allocated)
{
	TRY(session_require_target(session));
	TRY(decode_at(session, address));
	if (ret_shallow != NULL)
		*ret_shallow = session->target->decoder.out.shallow;
	if (ret_allocated != NULL)
		*ret_allocated = allocated_of_object(&session->target->decoder).bytes;
	return OK;
}

PYDS_PUBLIC int32_t pyds_object_sizes(pyds_session *session, uint64_t address, uint64_t *ret_shallow,
                                      uint64_t *ret_allocated)
{
	if (session == NULL)
		return ERROR_ARGUMENT;
	return session_enter(session) ? session_leave(session, find_sizes(session, address, ret_shallow, ret_allocated))
	                              : ERROR_STATE;
}

static int find_deep(struct pyds_session *session, uint64_t address, const char *policy, struct walk_result *result)
{
	TRY(session_require_target(session));
	int found = policy_find(policy != NULL ? policy : policy_name(POLICY_DATA));
	if (found < 0)
		return error_set(&session->error, ERROR_ARGUMENT, "there is no policy '%s'", policy);
	TRY(decode_at(session, address));
	struct walk *walk;
	TRY(target_walk(session->target, SIZE_SHALLOW, &walk, &session->error));
	const struct walk_start start = { &address, 1, (enum policy)found };
	return walk_deep(walk, &start, NULL, result, &session->error);
}

PYDS_PUBLIC int32_t pyds_object_deep(pyds_session *session, uint64_t address, const char *policy, uint64_t *ret_deep,
                                     uint64_t *ret_count)
{
	if (session == NULL)
		return ERROR_ARGUMENT;
	if (!session_enter(session))
		return ERROR_STATE;
	struct walk_result result = { .count = 0 };
	int status = find_deep(session, address, policy, &result);
	if (status >= 0 && ret_deep != NULL)
		*ret_deep = result.bytes;
	if (status >= 0 && ret_count != NULL)
		*ret_count = result.count;
	walk_result_clear(&result);
	return session_leave(session, status);
}

/* ---- As a job ---- */

struct deep_job {
	struct pyds_job job;
	uint64_t address;
	enum policy policy;
	struct walk_result result;
};

static int walk_object(struct pyds_job *job)
{
	struct deep_job *deep = (struct deep_job *)job;
	struct walk *walk;
	TRY(target_walk(job->session->target, SIZE_SHALLOW, &walk, &job->error));
	const struct walk_start start = { &deep->address, 1, deep->policy };
	return walk_deep(walk, &start, &job->progress, &deep->result, &job->error);
}

static void clear_deep(struct pyds_job *job)
{
	walk_result_clear(&((struct deep_job *)job)->result);
}

static int start_deep(struct pyds_session *session, uint64_t address, const char *policy, struct pyds_job **ret_job)
{
	TRY(session_require_target(session));
	TRY(address_space_check(session->target->space, &session->error));
	const int found = policy_find(policy != NULL ? policy : policy_name(POLICY_DATA));
	if (found < 0)
		return error_set(&session->error, ERROR_ARGUMENT, "there is no policy '%s'", policy);
	TRY(decode_at(session, address));
	struct deep_job *deep = (struct deep_job *)job_create(session, sizeof *deep, walk_object, clear_deep);
	if (deep == NULL)
		return ERROR_NO_MEMORY;
	deep->address = address;
	deep->policy = (enum policy)found;
	TRY(job_start(&deep->job));
	*ret_job = &deep->job;
	return OK;
}

PYDS_PUBLIC int32_t pyds_object_deep_start(pyds_session *session, uint64_t address, const char *policy,
                                           pyds_job **ret_job)
{
	if (session == NULL || ret_job == NULL)
		return ERROR_ARGUMENT;
	*ret_job = NULL;
	return session_enter(session) ? session_leave(session, start_deep(session, address, policy, ret_job))
	                              : ERROR_STATE;
}

PYDS_PUBLIC int32_t pyds_job_deep(const pyds_job *job, uint64_t *ret_deep, uint64_t *ret_count)
{
	if (job == NULL)
		return ERROR_ARGUMENT;
	if (!job->is_joined || job->work != walk_object)
		return ERROR_STATE;
	const struct walk_result *result = &((const struct deep_job *)job)->result;
	if (ret_deep != NULL)
		*ret_deep = result->bytes;
	if (ret_count != NULL)
		*ret_count = result->count;
	return job->status;
}
