/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/relay.h"
#include "pydeepsize.h"

static void commands_can_be_listed(void **state)
{
	(void)state;
	uint32_t count = 0;
	struct pyds_command_info info = { .struct_size = sizeof info };
	while (pyds_command(count, &info) == PYDS_OK) {
		assert_int_equal(info.struct_size, sizeof info);
		assert_true(strlen(info.summary) > 0 && strlen(info.help) > 0);
		count++;
	}
	assert_true(count >= 5);
	assert_int_equal(pyds_command(count, &info), PYDS_ERROR_NOT_FOUND);
	info.struct_size = 0;
	assert_int_equal(pyds_command(0, &info), PYDS_ERROR_ARGUMENT);
}

/* A caller of an older header: nothing behind its struct is touched. */
static void a_smaller_struct_is_filled_as_far_as_it_goes(void **state)
{
	(void)state;
	struct pyds_command_info info;
	memset(&info, 0x5A, sizeof info);
	info.struct_size = offsetof(struct pyds_command_info, usage);
	assert_int_equal(pyds_command(0, &info), PYDS_OK);
	assert_string_equal(info.name, "info");
	for (size_t i = offsetof(struct pyds_command_info, usage); i < sizeof info; i++)
		assert_int_equal(((unsigned char *)&info)[i], 0x5A);
}

static void a_larger_struct_is_refused_only_if_it_asks_for_more(void **state)
{
	(void)state;
	struct {
		struct pyds_open_options options;
		uint64_t unknown;
	} newer = { .options = { .struct_size = sizeof newer } };
	pyds_session *session = pyds_session_create();
	assert_int_equal(pyds_open_core(session, "/nonexistent/core", &newer.options, NULL), PYDS_ERROR_IO);
	newer.unknown = 1;
	assert_int_equal(pyds_open_core(session, "/nonexistent/core", &newer.options, NULL), PYDS_ERROR_ARGUMENT);
	newer.unknown = 0;
	newer.options.flags = UINT32_C(1) << 31;
	assert_int_equal(pyds_open_core(session, "/nonexistent/core", &newer.options, NULL), PYDS_ERROR_ARGUMENT);
	assert_non_null(strstr(pyds_session_error(session), "flags"));
	pyds_session_destroy(session);
}

static void nothing_works_without_a_target(void **state)
{
	(void)state;
	static const char *const info[] = { "info" };
	static const char *const wrong[] = { "info", "--bogus" };
	pyds_session *session = pyds_session_create();
	pyds_job *job = NULL;
	uint64_t number;
	assert_string_equal(pyds_session_error(session), "");
	assert_int_equal(pyds_job_start(session, 1, info, NULL, &job), PYDS_ERROR_STATE);
	assert_null(job);
	assert_int_equal(pyds_job_start(session, 2, wrong, NULL, &job), PYDS_ERROR_ARGUMENT);
	assert_int_equal(pyds_resolve(session, "sys", &number), PYDS_ERROR_STATE);
	assert_int_equal(pyds_object_sizes(session, 16, &number, NULL), PYDS_ERROR_STATE);
	assert_int_equal(pyds_object_deep(session, 16, "data", &number, NULL), PYDS_ERROR_STATE);
	assert_int_equal(pyds_select_frame(session, 0, 0), PYDS_ERROR_STATE);
	assert_int_equal(pyds_open_process(session, -1, NULL, NULL), PYDS_ERROR_ARGUMENT);
	assert_int_equal(pyds_job_wait(NULL, 0), PYDS_ERROR_ARGUMENT);
	assert_int_equal(pyds_job_part(NULL, NULL, NULL), PYDS_ERROR_STATE);
	pyds_job_destroy(NULL);
	pyds_session_destroy(session);
	pyds_session_destroy(NULL);
}

static void help_is_a_job_like_any_other(void **state)
{
	(void)state;
	static const char *const help[] = { "sizeof", "--help" };
	struct pyds_output_options output = { .struct_size = sizeof output, .prefix_commands = 1 };
	pyds_session *session = pyds_session_create();
	pyds_job *job = NULL, *second = NULL;
	const char *text;
	uint64_t length;
	int32_t exit_status = -1;
	assert_int_equal(pyds_job_start(session, 2, help, &output, &job), PYDS_OK);
	assert_int_equal(pyds_job_start(session, 2, help, &output, &second), PYDS_ERROR_STATE);
	while (pyds_job_wait(job, 1000) == 0)
		continue;
	assert_int_equal(pyds_job_part(job, &text, &length), PYDS_ERROR_STATE);
	assert_int_equal(pyds_job_result(job, &text, &length, &exit_status), PYDS_OK);
	assert_int_equal(exit_status, 0);
	assert_int_equal(strlen(text), length);
	assert_non_null(strstr(text, "Usage: py-sizeof X..."));
	pyds_job_destroy(job);
	pyds_session_destroy(session);
}

/* ---- A session that is in use ---- */

struct reentry {
	pyds_session *session;
	uint32_t reads;
	int32_t statuses[4]; /* of calls made out of the callback */
	pyds_job *job;
};

static uint64_t read_and_reenter(void *context, uint64_t address, void *buffer, uint64_t size)
{
	struct reentry *reentry = context;
	uint64_t number;
	(void)address;
	memset(buffer, 0, size);
	if (reentry->reads++ == 0) {
		reentry->statuses[0] = pyds_session_destroy(reentry->session);
		reentry->statuses[1] = pyds_resolve(reentry->session, "sys", &number);
		reentry->statuses[2] = pyds_job_destroy(reentry->job);
		reentry->statuses[3] = pyds_open_core(reentry->session, "/nonexistent/core", NULL, NULL);
	}
	return size;
}

static void a_session_in_use_is_neither_entered_nor_destroyed(void **state)
{
	(void)state;
	struct reentry reentry = { .session = pyds_session_create() };
	const struct pyds_callbacks callbacks = { .struct_size = sizeof callbacks,
		                                  .read = read_and_reenter,
		                                  .context = &reentry };
	const struct pyds_mapping mapping = {
		.struct_size = sizeof mapping, .protection = 3, .start = 0x10000, .end = 0x20000
	};
	assert_int_equal(pyds_open_callbacks(reentry.session, &callbacks, &mapping, 1, NULL, &reentry.job), PYDS_OK);
	/* While the job is there: nothing else of its session, which stays what it is. */
	assert_int_equal(pyds_session_destroy(reentry.session), PYDS_ERROR_STATE);
	assert_int_equal(pyds_open_core(reentry.session, "/nonexistent/core", NULL, NULL), PYDS_ERROR_STATE);
	while (pyds_job_wait(reentry.job, 1000) == PYDS_JOB_RUNS)
		continue;
	assert_true(reentry.reads > 0);
	for (size_t i = 0; i < sizeof reentry.statuses / sizeof reentry.statuses[0]; i++)
		assert_int_equal(reentry.statuses[i], PYDS_ERROR_STATE);
	/* There is no Python in zeros. */
	assert_true(pyds_job_result(reentry.job, NULL, NULL, NULL) < 0);
	assert_int_equal(pyds_job_deep(reentry.job, NULL, NULL), PYDS_ERROR_STATE);
	assert_int_equal(pyds_session_destroy(reentry.session), PYDS_ERROR_STATE);
	assert_int_equal(pyds_job_destroy(reentry.job), PYDS_OK);
	assert_int_equal(pyds_session_destroy(reentry.session), PYDS_OK);
}

static void tables_need_a_target(void **state)
{
	(void)state;
	pyds_session *session = pyds_session_create();
	struct pyds_frame_row frame = { .struct_size = sizeof frame };
	struct pyds_type_row type = { .struct_size = sizeof type };
	uint64_t count = 7;
	pyds_job *job = NULL;
	assert_int_equal(pyds_frames(session, 0, &frame, 1, &count), PYDS_ERROR_STATE);
	assert_int_equal(count, 0);
	assert_int_equal(pyds_types(session, 0, &type, 1, &count), PYDS_ERROR_STATE);
	assert_int_equal(pyds_types(session, 0, NULL, 1, &count), PYDS_ERROR_ARGUMENT);
	assert_int_equal(pyds_object_deep_start(session, 16, "data", &job), PYDS_ERROR_STATE);
	assert_null(job);
	pyds_session_destroy(session);
}

/* ---- The relay ---- */

struct asked {
	struct relay relay;
	pthread_t reader_thread; /* that the callback ran on */
	uint32_t reads, tellings;
	bool finished;
};

static uint64_t give(void *context, uint64_t address, void *buffer, uint64_t size)
{
	struct asked *asked = context;
	asked->reader_thread = pthread_self();
	asked->reads++;
	memset(buffer, (int)(address & 0xFF), size);
	return size;
}

/* Of even threads, the number of each register. */
static int32_t tell(void *context, uint64_t tid, uint64_t *ret_registers)
{
	struct asked *asked = context;
	asked->reader_thread = pthread_self();
	asked->tellings++;
	for (uint64_t i = 0; i < PYDS_REGISTERS; i++)
		ret_registers[i] = tid + i;
	return tid % 2 == 0 ? 0 : -1;
}

enum { READS = 100 };

static void *read_much(void *argument)
{
	struct asked *asked = argument;
	for (uint64_t i = 0; i < READS; i++) {
		unsigned char bytes[16];
		if (relay_read(&asked->relay, i, bytes, sizeof bytes) != sizeof bytes || bytes[15] != i)
			return argument;
	}
	return NULL;
}

static void *ask_for_registers(void *argument)
{
	struct asked *asked = argument;
	bool is_right = true;
	for (uint64_t tid = 0; tid < READS; tid++) {
		uint64_t registers[PYDS_REGISTERS] = { 0 };
		unsigned char byte = 0;
		is_right &= relay_registers(&asked->relay, tid, registers) == (tid % 2 == 0);
		is_right &= registers[PYDS_REGISTERS - 1] == tid + PYDS_REGISTERS - 1;
		is_right &= relay_read(&asked->relay, tid, &byte, 1) == 1 && byte == tid;
	}
	relay_finish(&asked->relay, &asked->finished);
	return is_right ? NULL : argument;
}

static void *read_and_finish(void *argument)
{
	struct asked *asked = argument;
	void *failed = read_much(argument);
	relay_finish(&asked->relay, &asked->finished);
	return failed;
}

static void reads_of_other_threads_run_on_the_one_that_waits(void **state)
{
	(void)state;
	struct asked asked = { .reads = 0 };
	pthread_t first, second;
	void *failed;
	assert_int_equal(relay_init(&asked.relay), 0);
	asked.relay.read = give;
	asked.relay.context = &asked;
	relay_enter(&asked.relay);
	assert_false(relay_serve(&asked.relay, &asked.finished, 1));
	assert_int_equal(pthread_create(&first, NULL, read_and_finish, &asked), 0);
	while (!relay_serve(&asked.relay, &asked.finished, 50))
		continue;
	assert_int_equal(pthread_join(first, &failed), 0);
	assert_null(failed);
	assert_int_equal(asked.reads, READS);
	assert_true(pthread_equal(asked.reader_thread, pthread_self()));
	/* Two at once take turns. */
	bool never = false;
	assert_int_equal(pthread_create(&first, NULL, read_much, &asked), 0);
	assert_int_equal(pthread_create(&second, NULL, read_much, &asked), 0);
	while (asked.reads < 3 * READS)
		assert_false(relay_serve(&asked.relay, &never, 50));
	assert_int_equal(pthread_join(first, &failed), 0);
	assert_null(failed);
	assert_int_equal(pthread_join(second, &failed), 0);
	assert_null(failed);
	/* On the waiting thread itself: at once. */
	unsigned char byte;
	assert_int_equal(relay_read(&asked.relay, 9, &byte, 1), 1);
	assert_int_equal(byte, 9);
	relay_clear(&asked.relay);
}

static void registers_are_asked_for_on_the_thread_that_waits(void **state)
{
	(void)state;
	struct asked asked = { .reads = 0 };
	uint64_t registers[PYDS_REGISTERS];
	pthread_t other;
	void *failed;
	assert_int_equal(relay_init(&asked.relay), 0);
	relay_enter(&asked.relay);
	/* Nobody tells. */
	assert_false(relay_registers(&asked.relay, 2, registers));
	asked.relay.read = give;
	asked.relay.context = &asked;
	asked.relay.registers = tell;
	asked.relay.registers_context = &asked;
	assert_int_equal(pthread_create(&other, NULL, ask_for_registers, &asked), 0);
	while (!relay_serve(&asked.relay, &asked.finished, 50))
		continue;
	assert_int_equal(pthread_join(other, &failed), 0);
	assert_null(failed);
	assert_int_equal(asked.tellings, READS);
	assert_int_equal(asked.reads, READS);
	assert_true(pthread_equal(asked.reader_thread, pthread_self()));
	assert_true(relay_registers(&asked.relay, 2, registers));
	assert_false(relay_registers(&asked.relay, 3, registers));
	relay_clear(&asked.relay);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_can_be_listed),
		cmocka_unit_test(a_smaller_struct_is_filled_as_far_as_it_goes),
		cmocka_unit_test(a_larger_struct_is_refused_only_if_it_asks_for_more),
		cmocka_unit_test(nothing_works_without_a_target),
		cmocka_unit_test(help_is_a_job_like_any_other),
		cmocka_unit_test(a_session_in_use_is_neither_entered_nor_destroyed),
		cmocka_unit_test(tables_need_a_target),
		cmocka_unit_test(reads_of_other_threads_run_on_the_one_that_waits),
		cmocka_unit_test(registers_are_asked_for_on_the_thread_that_waits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
