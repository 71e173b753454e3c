/* SPDX-License-Identifier: MIT
 * target: opening what a session looks at: memory, then the Python in it, then its types. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "api/session.h"
#include "api/sized_struct.h"

/* The options of the header in the words of the layers. */
struct open_request {
	struct memory_options memory;
	struct runtime_options runtime;
	bool already_stopped;
};

static int read_options(struct pyds_session *session, const struct pyds_open_options *given,
                        struct open_request *ret_request)
{
	struct pyds_open_options own;
	const uint32_t known = PYDS_OPEN_ALREADY_STOPPED | PYDS_OPEN_PREFER_DWARF | PYDS_OPEN_DEBUGINFOD |
	                       PYDS_OPEN_IGNORE_FILES | PYDS_OPEN_IGNORE_DWARF | PYDS_OPEN_IN_PLACE | PYDS_OPEN_BRIEF;
	TRY(sized_struct_read(&own, sizeof own, given, "pyds_open_options", &session->error));
	if ((own.flags & ~known) != 0)
		return error_set(&session->error, ERROR_ARGUMENT, "unknown flags 0x%" PRIx32 " in pyds_open_options",
		                 own.flags & ~known);
	*ret_request = (struct open_request){
		.memory = { .sysroot = own.sysroot,
		            .executable = own.executable,
		            .ignore_files = (own.flags & PYDS_OPEN_IGNORE_FILES) != 0,
		            .copy = (own.flags & PYDS_OPEN_IN_PLACE) != 0 ? COPY_NEVER
		                    : (own.flags & PYDS_OPEN_BRIEF) != 0  ? COPY_BRIEF
		                                                          : COPY_ALWAYS },
		.runtime = { .prefer_dwarf = (own.flags & PYDS_OPEN_PREFER_DWARF) != 0,
		             .debug_directory = own.debug_directory,
		             .use_debuginfod = (own.flags & PYDS_OPEN_DEBUGINFOD) != 0,
		             .ignore_dwarf = (own.flags & PYDS_OPEN_IGNORE_DWARF) != 0,
		             .selected_tid = own.selected_tid },
		.already_stopped = (own.flags & PYDS_OPEN_ALREADY_STOPPED) != 0,
	};
	return OK;
}

/* The first half of every pyds_open_: state and options. */
static int begin_open(struct pyds_session *session, const struct pyds_open_options *given,
                      struct open_request *ret_request)
{
	if (session == NULL)
		return ERROR_ARGUMENT;
	session_enter(session);
	if (session->target != NULL || session->job != NULL)
		return error_set(&session->error, ERROR_STATE, "this session has a target already");
	return read_options(session, given, ret_request);
}

PYDS_PUBLIC int32_t pyds_open_core(pyds_session *session, const char *core_path,
                                   const struct pyds_open_options *options)
{
	struct open_request request;
	TRY(begin_open(session, options, &request));
	if (core_path == NULL)
		return error_set(&session->error, ERROR_ARGUMENT, "no core file was named");
	struct address_space *space;
	TRY(address_space_open_core(&space, core_path, &request.memory, &session->error));
	return target_open(&session->target, space, &request.runtime, &session->error);
}

PYDS_PUBLIC int32_t pyds_open_process(pyds_session *session, int32_t pid, const struct pyds_open_options *options)
{
	struct open_request request;
	TRY(begin_open(session, options, &request));
	if (pid <= 0)
		return error_set(&session->error, ERROR_ARGUMENT, "%" PRId32 " is not a process id", pid);
	struct address_space *space;
	TRY(address_space_open_process(&space, pid, request.already_stopped, &request.memory, &session->error));
	return target_open(&session->target, space, &request.runtime, &session->error);
}

static int copy_mappings(struct pyds_session *session, const struct pyds_mapping *mappings, uint64_t count,
                         struct memory_mapping **ret_mappings)
{
	*ret_mappings = NULL;
	if (count == 0)
		return OK;
	struct memory_mapping *copy = reallocarray(NULL, count, sizeof *copy);
	if (copy == NULL)
		return error_set(&session->error, ERROR_NO_MEMORY, "out of memory for %" PRIu64 " mappings", count);
	for (uint64_t i = 0; i < count; i++)
		copy[i] = (struct memory_mapping){
			.start = mappings[i].start,
			.end = mappings[i].end,
			.file_offset = mappings[i].file_offset,
			.protection = (uint32_t)mappings[i].protection,
			.path = mappings[i].path,
		};
	*ret_mappings = copy;
	return OK;
}

static int set_callbacks(struct pyds_session *session, const struct pyds_callbacks *given, bool evaluate_only)
{
	struct pyds_callbacks own;
	TRY(sized_struct_read(&own, sizeof own, given, "pyds_callbacks", &session->error));
	if (!evaluate_only && own.read == NULL)
		return error_set(&session->error, ERROR_ARGUMENT, "pyds_callbacks has no read function");
	session->evaluate = own.evaluate;
	session->evaluate_context = own.context;
	if (!evaluate_only) {
		session->relay.read = own.read;
		session->relay.context = own.context;
	}
	return OK;
}

PYDS_PUBLIC int32_t pyds_open_callbacks(pyds_session *session, const struct pyds_callbacks *callbacks,
                                        const struct pyds_mapping *mappings, uint64_t mapping_count,
                                        const struct pyds_open_options *options)
{
	struct open_request request;
	struct memory_mapping *copy;
	TRY(begin_open(session, options, &request));
	TRY(set_callbacks(session, callbacks, false));
	TRY(copy_mappings(session, mappings, mappings != NULL ? mapping_count : 0, &copy));
	const struct memory_callbacks relayed = { .read = relay_read, .context = &session->relay };
	struct address_space *space;
	int status = address_space_open_callbacks(&space, &relayed, copy, copy != NULL ? mapping_count : 0,
	                                          &request.memory, &session->error);
	free(copy);
	TRY(status);
	return target_open(&session->target, space, &request.runtime, &session->error);
}

PYDS_PUBLIC int32_t pyds_set_evaluate(pyds_session *session, const struct pyds_callbacks *callbacks)
{
	if (session == NULL)
		return ERROR_ARGUMENT;
	session_enter(session);
	return set_callbacks(session, callbacks, true);
}
