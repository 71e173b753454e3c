/* SPDX-License-Identifier: MIT
 * open: opening what a session looks at, as a job of it: memory, then the Python in it, then its types. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "api/job.h"
#include "api/sized_struct.h"
#include "base/spill.h"
#include "report/report.h"

struct opening {
	struct pyds_job job;
	/* The options of the header in the words of the layers. Strings are copies: the caller's may be gone by now. */
	struct memory_options memory;
	struct runtime_options runtime;
	ARRAY(char *) strings;
	bool already_stopped;
	/* One of these. */
	const char *core_path; /* NULL: descriptor, pid or callbacks */
	int descriptor;
	int32_t pid;
	struct memory_mapping *mappings;
	uint64_t mapping_count;
	struct target *target; /* once it is open; the session's in the end */
};

static int keep_string(struct opening *opening, const char *given, const char **ret_copy)
{
	*ret_copy = NULL;
	if (given == NULL)
		return OK;
	char *copy = strdup(given);
	if (copy == NULL || !array_push(&opening->strings, copy)) {
		free(copy);
		return error_set(&opening->job.session->error, ERROR_NO_MEMORY, "out of memory to open a target");
	}
	*ret_copy = copy;
	return OK;
}

static int read_options(struct opening *opening, const struct pyds_open_options *given)
{
	struct pyds_open_options own;
	struct error *error = &opening->job.session->error;
	const uint32_t known = PYDS_OPEN_ALREADY_STOPPED | PYDS_OPEN_PREFER_DWARF | PYDS_OPEN_DEBUGINFOD |
	                       PYDS_OPEN_IGNORE_FILES | PYDS_OPEN_IGNORE_DWARF | PYDS_OPEN_IN_PLACE | PYDS_OPEN_BRIEF;
	TRY(sized_struct_read(&own, sizeof own, given, "pyds_open_options", error));
	if ((own.flags & ~known) != 0)
		return error_set(error, ERROR_ARGUMENT, "unknown flags 0x%" PRIx32 " in pyds_open_options",
		                 own.flags & ~known);
	opening->memory = (struct memory_options){ .ignore_files = (own.flags & PYDS_OPEN_IGNORE_FILES) != 0,
		                                   .copy = (own.flags & PYDS_OPEN_IN_PLACE) != 0 ? COPY_NEVER
		                                           : (own.flags & PYDS_OPEN_BRIEF) != 0  ? COPY_BRIEF
		                                                                                 : COPY_ALWAYS,
		                                   .registers = { relay_registers, &opening->job.session->relay },
		                                   .progress = &opening->job.progress };
	opening->runtime = (struct runtime_options){ .prefer_dwarf = (own.flags & PYDS_OPEN_PREFER_DWARF) != 0,
		                                     .use_debuginfod = (own.flags & PYDS_OPEN_DEBUGINFOD) != 0,
		                                     .ignore_dwarf = (own.flags & PYDS_OPEN_IGNORE_DWARF) != 0,
		                                     .selected_tid = own.selected_tid,
		                                     .progress = &opening->job.progress };
	opening->already_stopped = (own.flags & PYDS_OPEN_ALREADY_STOPPED) != 0;
	struct pyds_session *session = opening->job.session;
	opening->memory.max_expanded = own.max_expanded;
	opening->memory.max_memory = session->max_memory = own.max_memory;
	free(session->spill_directory);
	session->spill_directory = own.spill_directory != NULL ? strdup(own.spill_directory) : NULL;
	if (own.spill_directory != NULL && session->spill_directory == NULL)
		return error_set(error, ERROR_NO_MEMORY, "out of memory to open a target");
	TRY(keep_string(opening, own.sysroot, &opening->memory.sysroot));
	TRY(keep_string(opening, own.executable, &opening->memory.executable));
	return keep_string(opening, own.debug_directory, &opening->runtime.debug_directory);
}

static int open_space(struct opening *opening, struct address_space **ret_space)
{
	struct error *error = &opening->job.error;
	const struct memory_callbacks relayed = { .read = relay_read, .context = &opening->job.session->relay };
	if (opening->core_path != NULL)
		return address_space_open_core(ret_space, opening->core_path, &opening->memory, error);
	if (opening->descriptor >= 0)
		return address_space_open_core_descriptor(ret_space, opening->descriptor, &opening->memory, error);
	if (opening->pid > 0)
		return address_space_open_process(ret_space, opening->pid, opening->already_stopped, &opening->memory,
		                                  error);
	return address_space_open_callbacks(ret_space, &relayed, opening->mappings, opening->mapping_count,
	                                    &opening->memory, error);
}

static int work(struct pyds_job *job)
{
	struct opening *opening = (struct opening *)job;
	struct address_space *space;
	spill_to(job->session->spill_directory);
	TRY(open_space(opening, &space));
	TRY(target_open(&opening->target, space, &opening->runtime, &job->error));
	/* It may have come too late. */
	return progress_check(&job->progress, &job->error);
}

static void settle(struct pyds_job *job)
{
	struct opening *opening = (struct opening *)job;
	if (opening->target != NULL && job->status >= 0)
		job->status = address_space_check(opening->target->space, &job->error);
	if (job->status < 0)
		return;
	job->session->target = opening->target;
	opening->target = NULL;
}

static void clear(struct pyds_job *job)
{
	struct opening *opening = (struct opening *)job;
	target_close(opening->target);
	for (size_t i = 0; i < opening->strings.count; i++)
		free(opening->strings.items[i]);
	array_free(&opening->strings);
	free(opening->mappings);
}

/* State and options of an opening that was found to be a right one. */
static int begin(struct pyds_session *session, const struct pyds_open_options *options, struct opening **ret_opening)
{
	TRY(session_require_no_job(session));
	if (session->target != NULL)
		return error_set(&session->error, ERROR_STATE, "this session has a target already");
	struct opening *opening = (struct opening *)job_create(session, sizeof *opening, work, clear);
	if (opening == NULL)
		return ERROR_NO_MEMORY;
	opening->job.settle = settle;
	opening->job.exit_status = EXIT_ANSWERED;
	opening->descriptor = -1;
	int status = read_options(opening, options);
	if (status < 0)
		job_destroy(&opening->job);
	else
		*ret_opening = opening;
	return status;
}

/* Sets it to work; without ret_job, waits until it is done. status: of what came before. */
static int finish(struct opening *opening, int status, struct pyds_job **ret_job)
{
	struct pyds_job *job = &opening->job;
	if (status < 0) {
		job_destroy(job);
		return status;
	}
	TRY(job_start(job));
	if (ret_job != NULL) {
		*ret_job = job;
		return OK;
	}
	while (job_wait(job, 1000) != PYDS_JOB_FINISHED)
		continue;
	status = job->status;
	job_destroy(job);
	return status;
}

static int open_core(struct pyds_session *session, const char *core_path, const struct pyds_open_options *options,
                     struct pyds_job **ret_job)
{
	struct opening *opening;
	if (core_path == NULL)
		return error_set(&session->error, ERROR_ARGUMENT, "no core file was named");
	TRY(begin(session, options, &opening));
	return finish(opening, keep_string(opening, core_path, &opening->core_path), ret_job);
}

PYDS_PUBLIC int32_t pyds_open_core(pyds_session *session, const char *core_path,
                                   const struct pyds_open_options *options, pyds_job **ret_job)
{
	if (ret_job != NULL)
		*ret_job = NULL;
	if (session == NULL)
		return ERROR_ARGUMENT;
	return session_enter(session) ? session_leave(session, open_core(session, core_path, options, ret_job))
	                              : ERROR_STATE;
}

static int open_core_descriptor(struct pyds_session *session, int32_t descriptor,
                                const struct pyds_open_options *options, struct pyds_job **ret_job)
{
	struct opening *opening;
	if (descriptor < 0)
		return error_set(&session->error, ERROR_ARGUMENT, "%" PRId32 " is not an open file", descriptor);
	TRY(begin(session, options, &opening));
	opening->descriptor = descriptor;
	return finish(opening, OK, ret_job);
}

PYDS_PUBLIC int32_t pyds_open_core_descriptor(pyds_session *session, int32_t descriptor,
                                              const struct pyds_open_options *options, pyds_job **ret_job)
{
	if (ret_job != NULL)
		*ret_job = NULL;
	if (session == NULL)
		return ERROR_ARGUMENT;
	return session_enter(session)
	               ? session_leave(session, open_core_descriptor(session, descriptor, options, ret_job))
	               : ERROR_STATE;
}

static int open_process(struct pyds_session *session, int32_t pid, const struct pyds_open_options *options,
                        struct pyds_job **ret_job)
{
	struct opening *opening;
	if (pid <= 0)
		return error_set(&session->error, ERROR_ARGUMENT, "%" PRId32 " is not a process id", pid);
	TRY(begin(session, options, &opening));
	opening->pid = pid;
	return finish(opening, OK, ret_job);
}

PYDS_PUBLIC int32_t pyds_open_process(pyds_session *session, int32_t pid, const struct pyds_open_options *options,
                                      pyds_job **ret_job)
{
	if (ret_job != NULL)
		*ret_job = NULL;
	if (session == NULL)
		return ERROR_ARGUMENT;
	return session_enter(session) ? session_leave(session, open_process(session, pid, options, ret_job))
	                              : ERROR_STATE;
}

enum { MAPPINGS_MOST = 1 << 22 }; /* the kernel's own limit is 65530 by default */

static int copy_mappings(struct opening *opening, const struct pyds_mapping *mappings, uint64_t count)
{
	struct error *error = &opening->job.session->error;
	if (mappings == NULL || count == 0)
		return OK;
	if (count > MAPPINGS_MOST)
		return error_set(error, ERROR_LIMIT, "%" PRIu64 " mappings are more than any process has", count);
	opening->mappings = calloc(count, sizeof *opening->mappings);
	if (opening->mappings == NULL)
		return error_set(error, ERROR_NO_MEMORY, "out of memory for %" PRIu64 " mappings", count);
	const uint32_t stride = mappings->struct_size;
	for (uint64_t i = 0; i < count; i++) {
		struct pyds_mapping own;
		TRY(sized_struct_read(&own, sizeof own, (const uint8_t *)mappings + i * stride, "pyds_mapping", error));
		if (own.struct_size != stride)
			return error_set(error, ERROR_ARGUMENT, "struct_size of pyds_mapping differs within one array");
		opening->mappings[i] = (struct memory_mapping){
			.start = own.start, .end = own.end, .file_offset = own.file_offset, .protection = own.protection
		};
		TRY(keep_string(opening, own.path, &opening->mappings[i].path));
	}
	opening->mapping_count = count;
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
	session->relay.registers = own.registers;
	session->relay.registers_context = own.context;
	if (!evaluate_only) {
		session->relay.read = own.read;
		session->relay.context = own.context;
	}
	return OK;
}

static int open_callbacks(struct pyds_session *session, const struct pyds_callbacks *callbacks,
                          const struct pyds_mapping *mappings, uint64_t mapping_count,
                          const struct pyds_open_options *options, struct pyds_job **ret_job)
{
	struct opening *opening;
	TRY(begin(session, options, &opening));
	int status = set_callbacks(session, callbacks, false);
	if (status >= 0)
		status = copy_mappings(opening, mappings, mapping_count);
	return finish(opening, status, ret_job);
}

PYDS_PUBLIC int32_t pyds_open_callbacks(pyds_session *session, const struct pyds_callbacks *callbacks,
                                        const struct pyds_mapping *mappings, uint64_t mapping_count,
                                        const struct pyds_open_options *options, pyds_job **ret_job)
{
	if (ret_job != NULL)
		*ret_job = NULL;
	if (session == NULL)
		return ERROR_ARGUMENT;
	return session_enter(session) ? session_leave(session, open_callbacks(session, callbacks, mappings,
	                                                                      mapping_count, options, ret_job))
	                              : ERROR_STATE;
}

static int set_evaluate(struct pyds_session *session, const struct pyds_callbacks *callbacks)
{
	TRY(session_require_no_job(session));
	return set_callbacks(session, callbacks, true);
}

PYDS_PUBLIC int32_t pyds_set_evaluate(pyds_session *session, const struct pyds_callbacks *callbacks)
{
	if (session == NULL)
		return ERROR_ARGUMENT;
	return session_enter(session) ? session_leave(session, set_evaluate(session, callbacks)) : ERROR_STATE;
}
