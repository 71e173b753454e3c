/* SPDX-License-Identifier: MIT
 * target: opening what a session looks at: memory, then the Python in it, then its types. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "api/session.h"
#include "api/sized_struct.h"

/* The options of the header in the words of the layers. */
struct target_options {
	struct memory_options memory;
	struct runtime_options runtime;
	bool already_stopped;
};

static int read_options(struct pyds_session *session, const struct pyds_open_options *given,
                        struct target_options *ret_options)
{
	struct pyds_open_options own;
	const uint32_t known = PYDS_OPEN_ALREADY_STOPPED | PYDS_OPEN_PREFER_DWARF | PYDS_OPEN_DEBUGINFOD |
	                       PYDS_OPEN_IGNORE_FILES | PYDS_OPEN_IGNORE_DWARF | PYDS_OPEN_IN_PLACE | PYDS_OPEN_BRIEF;
	TRY(sized_struct_read(&own, sizeof own, given, "pyds_open_options", &session->error));
	if ((own.flags & ~known) != 0)
		return error_set(&session->error, ERROR_ARGUMENT, "unknown flags 0x%" PRIx32 " in pyds_open_options",
		                 own.flags & ~known);
	*ret_options = (struct target_options){
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
                      struct target_options *ret_options)
{
	if (session == NULL)
		return ERROR_ARGUMENT;
	session_enter(session);
	if (session->space != NULL || session->job != NULL)
		return error_set(&session->error, ERROR_STATE, "this session has a target already");
	return read_options(session, given, ret_options);
}

/* The second half: Python in session->space. On failure the session is as before. */
static int open_python(struct pyds_session *session, const struct target_options *options)
{
	int status = runtime_open(&session->runtime, session->space, &options->runtime, &session->error);
	if (status >= 0)
		status = decode_context_open(&session->context, session->runtime, &session->error);
	if (status >= 0) {
		decoder_init(&session->decoder, session->context);
		decoder_init(&session->naming, session->context);
		return OK;
	}
	runtime_close(session->runtime);
	session->runtime = NULL;
	address_space_close(session->space);
	session->space = NULL;
	return status;
}

PYDS_PUBLIC int32_t pyds_open_core(pyds_session *session, const char *core_path,
                                   const struct pyds_open_options *options)
{
	struct target_options target;
	TRY(begin_open(session, options, &target));
	if (core_path == NULL)
		return error_set(&session->error, ERROR_ARGUMENT, "no core file was named");
	TRY(address_space_open_core(&session->space, core_path, &target.memory, &session->error));
	return open_python(session, &target);
}

PYDS_PUBLIC int32_t pyds_open_process(pyds_session *session, int32_t pid, const struct pyds_open_options *options)
{
	struct target_options target;
	TRY(begin_open(session, options, &target));
	if (pid <= 0)
		return error_set(&session->error, ERROR_ARGUMENT, "%" PRId32 " is not a process id", pid);
	TRY(address_space_open_process(&session->space, pid, target.already_stopped, &target.memory, &session->error));
	return open_python(session, &target);
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
	struct target_options target;
	struct memory_mapping *copy;
	TRY(begin_open(session, options, &target));
	TRY(set_callbacks(session, callbacks, false));
	TRY(copy_mappings(session, mappings, mappings != NULL ? mapping_count : 0, &copy));
	const struct memory_callbacks relayed = { .read = relay_read, .context = &session->relay };
	int status = address_space_open_callbacks(&session->space, &relayed, copy, copy != NULL ? mapping_count : 0,
	                                          &target.memory, &session->error);
	free(copy);
	TRY(status);
	return open_python(session, &target);
}

PYDS_PUBLIC int32_t pyds_set_evaluate(pyds_session *session, const struct pyds_callbacks *callbacks)
{
	if (session == NULL)
		return ERROR_ARGUMENT;
	session_enter(session);
	return set_callbacks(session, callbacks, true);
}
