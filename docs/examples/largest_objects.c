/* SPDX-License-Identifier: MIT
 * largest_objects CORE [TYPE]: the ten objects of a core that keep most alive, and what the first of them refers to. An
 * example of the interface of libpydeepsize in C:
 *
 *     cc largest_objects.c $(pkg-config --cflags --libs pydeepsize) -o largest_objects */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <pydeepsize.h>

enum { MOST = 10, AT_ONCE = 1000 };

static int fail(pyds_session *session, int32_t status)
{
	const char *message = pyds_session_error(session);
	fprintf(stderr, "largest_objects: %s\n", message[0] != '\0' ? message : pyds_status_text(status));
	return 2;
}

/* Waits for a job as a program does that has something else to do, too. */
static int32_t finish(pyds_job *job)
{
	while (pyds_job_wait(job, 100) == PYDS_JOB_RUNS) {
		uint64_t done, total;
		pyds_job_progress(job, &done, &total);
		if (total > done)
			fprintf(stderr, "\r%3.0f %%", 100.0 * (double)done / (double)total);
	}
	int32_t status = pyds_job_result(job, NULL, NULL, NULL);
	pyds_job_destroy(job);
	return status;
}

/* Keeps the largest rows, largest first. */
static void keep(struct pyds_object_row *largest, uint64_t *count, const struct pyds_object_row *row)
{
	uint64_t place = *count;
	while (place > 0 && largest[place - 1].retained < row->retained)
		place--;
	if (place == MOST)
		return;
	if (*count < MOST)
		(*count)++;
	memmove(&largest[place + 1], &largest[place], (*count - place - 1) * sizeof *largest);
	largest[place] = *row;
}

static int32_t find_largest(pyds_session *session, const char *type, struct pyds_object_row *largest, uint64_t *count)
{
	static struct pyds_object_row rows[AT_ONCE];
	const struct pyds_object_filter filter = { .struct_size = sizeof filter, .type = type };
	uint64_t after = 0, got;
	rows[0].struct_size = sizeof rows[0];
	do {
		int32_t status = pyds_objects(session, after, &filter, rows, AT_ONCE, &got);
		if (status < 0)
			return status;
		for (uint64_t i = 0; i < got; i++)
			if (rows[i].flags & PYDS_OBJECT_HAS_RETAINED)
				keep(largest, count, &rows[i]);
		after = got > 0 ? rows[got - 1].address : 0;
	} while (got == AT_ONCE);
	return PYDS_OK;
}

static int32_t show(pyds_session *session, const struct pyds_object_row *largest, uint64_t count)
{
	struct pyds_object_info info = { .struct_size = sizeof info };
	struct pyds_reference_row references[3] = { { .struct_size = sizeof references[0] } };
	uint64_t got;
	for (uint64_t i = 0; i < count; i++) {
		int32_t status = pyds_object_info(session, largest[i].address, &info);
		if (status < 0)
			return status;
		printf("0x%" PRIx64 " %" PRIu64 " %" PRIu64 " %s\n", info.address, info.shallow, info.retained,
		       info.name);
	}
	int32_t status = count > 0 ? pyds_references(session, largest[0].address, 0, references, 3, &got) : PYDS_OK;
	for (uint64_t i = 0; status >= 0 && count > 0 && i < got; i++)
		printf("  %s 0x%" PRIx64 "\n", references[i].label, references[i].address);
	return status;
}

static int32_t run(pyds_session *session, const char *core, const char *type)
{
	struct pyds_object_row largest[MOST + 1];
	uint64_t count = 0;
	pyds_job *job;
	int32_t status = pyds_open_core(session, core, NULL, &job);
	if (status >= 0)
		status = finish(job);
	if (status >= 0)
		status = pyds_heap_build(session, &job);
	if (status >= 0)
		status = finish(job);
	if (status >= 0)
		status = find_largest(session, type, largest, &count);
	return status >= 0 ? show(session, largest, count) : status;
}

int main(int argc, char **argv)
{
	if (argc < 2 || pyds_abi_version() != PYDS_ABI_VERSION) {
		fprintf(stderr, argc < 2 ? "Usage: largest_objects CORE [TYPE]\n" : "another libpydeepsize\n");
		return 1;
	}
	pyds_session *session = pyds_session_create();
	int32_t status = session != NULL ? run(session, argv[1], argc > 2 ? argv[2] : NULL) : PYDS_ERROR_NO_MEMORY;
	int result = status >= 0 ? 0 : fail(session, status);
	pyds_session_destroy(session);
	return result;
}
