/* SPDX-License-Identifier: MIT
 * session: one open target, what the caller chose in it, the last error, and the job that runs. */
#ifndef PYDS_API_SESSION_H
#define PYDS_API_SESSION_H

#include <stdatomic.h>

#include "api/relay.h"
#include "api/tables.h"
#include "base/error.h"
#include "base/text.h"
#include "names/names.h"
#include "pydeepsize.h"
#include "target/target.h"

#define PYDS_PUBLIC __attribute__((visibility("default")))

struct pyds_session {
	atomic_bool is_entered; /* a call of the public interface has not returned yet */
	struct target *target; /* NULL: none is open */
	struct name_options names;
	struct text strings; /* that the last call about rows gave out */
	struct session_tables tables; /* of frames, locals, types, modules: made when they are first asked for */
	uint64_t max_memory; /* of pyds_open_options; 0: what there is */
	char *spill_directory; /* owned; NULL: large arrays stay in memory */
	struct relay relay;
	int32_t (*evaluate)(void *context, const char *expression, uint64_t *ret_address); /* NULL: none */
	void *evaluate_context;
	struct pyds_job *job; /* alive, at most one */
	struct error error;
};

/* Begins a call of the public interface: forgets the last error, notes the calling thread. False, with nothing done, if
 * another call has not returned: one of another thread, or the one whose callback we are in. */
bool session_enter(struct pyds_session *session);
/* The same for calls about a job, which leave the last error as it is. */
bool session_continue(struct pyds_session *session);
/* Ends it; returns status. */
int32_t session_leave(struct pyds_session *session, int status);
int session_require_no_job(struct pyds_session *session);
/* 0 if a target is open and no job is alive; else ERROR_STATE. */
int session_require_target(struct pyds_session *session);
/* What a person typed, to an object: a Python name, an address, or else what the debugger makes of it. note: takes a
 * line where the name means something else as well; may be NULL. */
int session_resolve(struct pyds_session *session, const char *expression, uint64_t *ret_address, struct text *note);

#endif
