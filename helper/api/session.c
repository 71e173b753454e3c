/* SPDX-License-Identifier: MIT */
#include "api/session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define SAME(name) _Static_assert((int)PYDS_##name == (int)name, "base/status.def and pydeepsize.h differ: " #name)
#define STATUS(name, number, text) SAME(name);
#include "base/status.def"
#undef STATUS
#undef SAME

PYDS_PUBLIC uint32_t pyds_abi_version(void)
{
	return PYDS_ABI_VERSION;
}

PYDS_PUBLIC const char *pyds_version(void)
{
	return PYDS_VERSION;
}

PYDS_PUBLIC const char *pyds_status_text(int32_t status)
{
	return status_text(status);
}

PYDS_PUBLIC pyds_session *pyds_session_create(void)
{
	struct pyds_session *session = calloc(1, sizeof *session);
	if (session == NULL)
		return NULL;
	if (relay_init(&session->relay) < 0) {
		free(session);
		return NULL;
	}
	return session;
}

PYDS_PUBLIC int32_t pyds_session_destroy(pyds_session *session)
{
	if (session == NULL)
		return OK;
	if (!session_enter(session))
		return ERROR_STATE;
	int status = session_require_no_job(session);
	if (status < 0)
		return session_leave(session, status);
	target_close(session->target);
	free(session->spill_directory);
	text_free(&session->strings);
	tables_clear(&session->tables);
	relay_clear(&session->relay);
	free(session);
	return OK;
}

PYDS_PUBLIC const char *pyds_session_error(const pyds_session *session)
{
	return session != NULL ? session->error.message : "";
}

bool session_continue(struct pyds_session *session)
{
	if (atomic_exchange(&session->is_entered, true))
		return false;
	relay_enter(&session->relay);
	return true;
}

bool session_enter(struct pyds_session *session)
{
	if (!session_continue(session))
		return false;
	error_clear(&session->error);
	return true;
}

int32_t session_leave(struct pyds_session *session, int status)
{
	atomic_store(&session->is_entered, false);
	return status;
}

int session_require_no_job(struct pyds_session *session)
{
	return session->job == NULL
	               ? OK
	               : error_set(&session->error, ERROR_STATE, "another command of this session is still running");
}

int session_require_target(struct pyds_session *session)
{
	TRY(session_require_no_job(session));
	if (session->target == NULL)
		return error_set(&session->error, ERROR_STATE, "no target is open");
	return OK;
}

/* An address alone: taken as it is, the answer says whether an object is there. */
static bool parse_address(const char *expression, uint64_t *ret_address)
{
	char *end;
	if (expression[0] != '0' || (expression[1] != 'x' && expression[1] != 'X'))
		return false;
	errno = 0;
	unsigned long long address = strtoull(expression, &end, 16);
	if (errno != 0 || end == expression + 2 || *end != '\0')
		return false;
	*ret_address = address;
	return true;
}

int session_resolve(struct pyds_session *session, const char *expression, uint64_t *ret_address, struct text *note)
{
	if (parse_address(expression, ret_address))
		return OK;
	struct name_options names = session->names;
	names.note = note;
	int status = names_resolve(&session->target->naming, expression, &names, ret_address, &session->error);
	if (status >= 0 || session->evaluate == NULL || (status != ERROR_NOT_FOUND && status != ERROR_ARGUMENT))
		return status;
	uint64_t address = 0;
	if (session->evaluate(session->evaluate_context, expression, &address) != 0)
		return status;
	error_clear(&session->error);
	*ret_address = address;
	return OK;
}

static int select_thread(struct pyds_session *session, uint64_t tid)
{
	TRY(session_require_target(session));
	if (tid == 0)
		return OK;
	const struct runtime *runtime = session->target->runtime;
	for (size_t i = 0; i < runtime->threads.count; i++)
		if (runtime->threads.items[i].native_id == tid) {
			session->names.selected_thread = runtime->threads.items[i].address;
			return OK;
		}
	return error_set(&session->error, ERROR_NOT_FOUND, "thread %" PRIu64 " runs no Python", tid);
}

static int select_frame(struct pyds_session *session, uint64_t tid, uint32_t frame)
{
	TRY(select_thread(session, tid));
	session->names.selected_frame = frame;
	return OK;
}

static const struct python_thread *selected_thread(const struct pyds_session *session)
{
	const struct runtime *runtime = session->target->runtime;
	for (size_t i = 0; i < runtime->threads.count; i++)
		if (session->names.selected_thread != 0
		            ? runtime->threads.items[i].address == session->names.selected_thread
		            : runtime->threads.items[i].is_selected)
			return &runtime->threads.items[i];
	return NULL;
}

static int select_call(struct pyds_session *session, uint64_t tid, uint32_t call)
{
	TRY(select_thread(session, tid));
	const struct python_thread *thread = selected_thread(session);
	const struct thread_frames *frames;
	session->names.selected_frame = 0;
	if (call == 0 || thread == NULL)
		return OK;
	TRY(runtime_thread_frames(session->target->runtime, thread, &frames, &session->error));
	for (size_t i = 0; i + 1 < frames->list.count && call > 0; i++)
		if (frames->list.places[i].ends_call) {
			call--;
			session->names.selected_frame = (uint32_t)i + 1;
		}
	return OK;
}

PYDS_PUBLIC int32_t pyds_select_call(pyds_session *session, uint64_t tid, uint32_t call)
{
	if (session == NULL)
		return ERROR_ARGUMENT;
	return session_enter(session) ? session_leave(session, select_call(session, tid, call)) : ERROR_STATE;
}

PYDS_PUBLIC int32_t pyds_select_frame(pyds_session *session, uint64_t tid, uint32_t frame)
{
	if (session == NULL)
		return ERROR_ARGUMENT;
	return session_enter(session) ? session_leave(session, select_frame(session, tid, frame)) : ERROR_STATE;
}
