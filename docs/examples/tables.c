/* SPDX-License-Identifier: MIT
 * tables CORE [TARGET]: what a core says in tables: each frame with its locals, the largest types, the modules that
 * keep most alive, and how much a target reaches. Another example of the interface of libpydeepsize in C:
 *
 *     cc tables.c $(pkg-config --cflags --libs pydeepsize) -o tables */
#include <inttypes.h>
#include <stdio.h>

#include <pydeepsize.h>

enum { AT_ONCE = 64, SHOWN = 5 };

static int fail(pyds_session *session, int32_t status)
{
	const char *message = pyds_session_error(session);
	fprintf(stderr, "tables: %s\n", message[0] != '\0' ? message : pyds_status_text(status));
	return 2;
}

/* Waits for a job; its status. Who wants to stop it calls pyds_job_cancel(), from a handler of SIGINT for example. */
static int32_t finish(pyds_job *job)
{
	while (pyds_job_wait(job, 1000) == PYDS_JOB_RUNS)
		continue;
	return pyds_job_result(job, NULL, NULL, NULL);
}

static int32_t finish_and_free(int32_t started, pyds_job *job)
{
	const int32_t status = started >= 0 ? finish(job) : started;
	pyds_job_destroy(job);
	return status;
}

/* The locals of one frame; *next: the first row that is of a later one. */
static int32_t show_locals(pyds_session *session, uint64_t frame, uint64_t *next)
{
	struct pyds_local_row row = { .struct_size = sizeof row };
	uint64_t got;
	for (;; ++*next) {
		const int32_t status = pyds_locals(session, *next, &row, 1, &got);
		if (status < 0 || got == 0 || row.frame != frame)
			return status;
		printf("    %s = %s at 0x%" PRIx64 "\n", row.name, row.type_name != NULL ? row.type_name : "?",
		       row.address);
	}
}

static int32_t show_frames(pyds_session *session)
{
	struct pyds_frame_row rows[AT_ONCE];
	uint64_t got, next_local = 0;
	rows[0].struct_size = sizeof rows[0];
	for (uint64_t first = 0;; first += got) {
		int32_t status = pyds_frames(session, first, rows, AT_ONCE, &got);
		for (uint64_t i = 0; status >= 0 && i < got; i++) {
			printf("frame %" PRIu64 " %s %s:%" PRIu64 "\n", rows[i].depth, rows[i].function, rows[i].file,
			       rows[i].line);
			status = show_locals(session, first + i, &next_local);
		}
		if (status < 0 || got < AT_ONCE)
			return status;
	}
}

static int32_t show_heap(pyds_session *session)
{
	struct pyds_type_row types[SHOWN] = { { .struct_size = sizeof types[0] } };
	struct pyds_module_row modules[SHOWN] = { { .struct_size = sizeof modules[0] } };
	uint64_t got;
	int32_t status = pyds_types(session, 0, types, SHOWN, &got);
	for (uint64_t i = 0; status >= 0 && i < got; i++)
		printf("type %" PRIu64 " %" PRIu64 " %s\n", types[i].count, types[i].shallow, types[i].name);
	if (status >= 0)
		status = pyds_modules(session, 0, modules, SHOWN, &got);
	for (uint64_t i = 0; status >= 0 && i < got; i++)
		printf("module %" PRIu64 " %s %s\n", modules[i].retained, modules[i].name, modules[i].largest_name);
	return status;
}

static int32_t show_deep(pyds_session *session, const char *target)
{
	uint64_t address, deep, count;
	pyds_job *job = NULL;
	int32_t status = pyds_resolve(session, target, &address);
	if (status >= 0)
		status = pyds_object_deep_start(session, address, "data", &job);
	if (status >= 0)
		status = finish(job);
	if (status >= 0)
		status = pyds_job_deep(job, &deep, &count);
	if (status >= 0)
		printf("deep %" PRIu64 " %" PRIu64 " %s\n", deep, count, target);
	pyds_job_destroy(job);
	return status;
}

static int32_t run(pyds_session *session, const char *core, const char *target)
{
	pyds_job *job = NULL;
	int32_t status = pyds_open_core(session, core, NULL, &job);
	status = finish_and_free(status, job);
	if (status >= 0)
		status = show_frames(session);
	if (status >= 0) {
		job = NULL;
		status = pyds_heap_build(session, &job);
		status = finish_and_free(status, job);
	}
	if (status >= 0)
		status = show_heap(session);
	return status >= 0 && target != NULL ? show_deep(session, target) : status;
}

int main(int argc, char **argv)
{
	if (argc < 2 || pyds_abi_version() != PYDS_ABI_VERSION) {
		fprintf(stderr, argc < 2 ? "Usage: tables CORE [TARGET]\n" : "another libpydeepsize\n");
		return 1;
	}
	pyds_session *session = pyds_session_create();
	int32_t status = session != NULL ? run(session, argv[1], argc > 2 ? argv[2] : NULL) : PYDS_ERROR_NO_MEMORY;
	int result = status >= 0 ? 0 : fail(session, status);
	pyds_session_destroy(session);
	return result;
}
