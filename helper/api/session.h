/* SPDX-License-Identifier: MIT
 * session: one open target, what the caller chose in it, the last error, and the job that runs. */
#ifndef PYDS_API_SESSION_H
#define PYDS_API_SESSION_H

#include "api/relay.h"
#include "base/error.h"
#include "names/names.h"
#include "pydeepsize.h"
#include "target/target.h"

#define PYDS_PUBLIC __attribute__((visibility("default")))

struct pyds_session {
	struct target *target; /* NULL: none is open */
	struct name_options names;
	struct relay relay;
	int32_t (*evaluate)(void *context, const char *expression, uint64_t *ret_address); /* NULL: none */
	void *evaluate_context;
	struct pyds_job *job; /* alive, at most one */
	struct error error;
};

/* Begins a call of the public interface: forgets the last error, notes the calling thread. */
void session_enter(struct pyds_session *session);
/* 0 if a target is open and no job is alive; else ERROR_STATE. */
int session_require_target(struct pyds_session *session);
/* What a person typed, to an object: a Python name, an address, or else what the debugger makes of it. */
int session_resolve(struct pyds_session *session, const char *expression, uint64_t *ret_address);

#endif
