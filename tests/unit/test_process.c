/* SPDX-License-Identifier: MIT
 * Live targets: children of the test that are stopped, read, and let go as if nothing had been. A child says
 * through a pipe that it is ready and answers each byte that it is sent. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "memory/address_space.h"
#include "memory/live/procfs.h"

enum { PAGES = 40, THREADS = 5 };

struct child {
	pid_t pid;
	int question, answer; /* pipe ends */
	uint8_t *pages; /* mapped before the fork, so at the same address in both */
};

static volatile sig_atomic_t signals_seen;

static void on_signal(int number)
{
	(void)number;
	signals_seen = signals_seen + 1;
}

static void *sleep_for_ever(void *context)
{
	(void)write(*(int *)context, "t", 1);
	while (pause() < 0)
		;
	return context;
}

/* Answers 's' with the number of signals seen, anything else with itself. */
static void child_main(int question, int answer, int threads)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Restarted system calls must not be what hides a lost signal: no SA_RESTART. */
	struct sigaction action = { .sa_handler = on_signal };
	(void)sigaction(SIGUSR1, &action, NULL);
	for (int i = 0; i < threads; i++) {
		pthread_t thread;
		if (pthread_create(&thread, NULL, sleep_for_ever, &answer) != 0)
			_exit(1);
	}
	(void)write(answer, "r", 1);
	for (;;) {
		char byte;
		ssize_t size = read(question, &byte, 1);
		if (size == 0)
			_exit(0);
		if (size < 0)
			continue;
		if (byte == 's')
			byte = (char)signals_seen;
		(void)write(answer, &byte, 1);
	}
}

static char receive(const struct child *child)
{
	struct pollfd wait = { .fd = child->answer, .events = POLLIN };
	char byte = '?';
	assert_int_equal(poll(&wait, 1, 20000), 1);
	assert_int_equal(read(child->answer, &byte, 1), 1);
	return byte;
}

static char ask(const struct child *child, char byte)
{
	assert_int_equal(write(child->question, &byte, 1), 1);
	return receive(child);
}

static bool answers_nothing(const struct child *child)
{
	struct pollfd wait = { .fd = child->answer, .events = POLLIN };
	return poll(&wait, 1, 0) == 0;
}

static void child_start(struct child *child, int threads)
{
	int question[2], answer[2];
	assert_int_equal(pipe(question), 0);
	assert_int_equal(pipe(answer), 0);
	child->pid = fork();
	assert_true(child->pid >= 0);
	if (child->pid == 0) {
		(void)close(question[1]);
		(void)close(answer[0]);
		child_main(question[0], answer[1], threads);
	}
	(void)close(question[0]);
	(void)close(answer[1]);
	child->question = question[1];
	child->answer = answer[0];
	for (int i = 0; i <= threads; i++)
		(void)receive(child);
}

static void child_end(const struct child *child)
{
	(void)kill(child->pid, SIGKILL);
	assert_int_equal(waitpid(child->pid, NULL, 0), child->pid);
	(void)close(child->question);
	(void)close(child->answer);
}

static int set_up(void **state)
{
	struct child *child = calloc(1, sizeof *child);
	child->pages = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (child->pages == MAP_FAILED)
		return -1;
	for (size_t i = 0; i < PAGES * 4096; i++)
		child->pages[i] = (uint8_t)(i * 11 + i / 4096);
	*state = child;
	return 0;
}

static int tear_down(void **state)
{
	struct child *child = *state;
	(void)munmap(child->pages, PAGES * 4096);
	free(child);
	return 0;
}

static struct address_space *open_child(const struct child *child, bool already_stopped)
{
	struct address_space *space;
	struct error error = { .status = OK };
	int status = address_space_open_process(&space, child->pid, already_stopped, NULL, &error);
	assert_string_equal(error.message, "");
	assert_int_equal(status, OK);
	return space;
}

static void expect_states(const struct child *child, const char *allowed, size_t count)
{
	thread_id_array threads = { .items = NULL };
	assert_int_equal(process_threads_list(child->pid, &threads), 0);
	assert_int_equal(threads.count, count);
	for (size_t i = 0; i < threads.count; i++)
		assert_non_null(strchr(allowed, process_thread_state(child->pid, threads.items[i])));
	array_free(&threads);
}

/* Threads that were let go need a processor to get where they belong; this waits until they are there. */
static void await_states(const struct child *child, const char *allowed, size_t count)
{
	for (int i = 0;; i++) {
		thread_id_array threads = { .items = NULL };
		size_t others = 0;
		assert_int_equal(process_threads_list(child->pid, &threads), 0);
		assert_int_equal(threads.count, count);
		for (size_t n = 0; n < threads.count; n++)
			others += strchr(allowed, process_thread_state(child->pid, threads.items[n])) == NULL;
		array_free(&threads);
		if (others == 0)
			return;
		assert_true(i < 10000);
		(void)poll(NULL, 0, 1);
	}
}

static void stopped_read_and_let_go(void **state)
{
	struct child *child = *state;
	child_start(child, THREADS);
	struct address_space *space = open_child(child, false);
	struct reader reader;
	reader_init(&reader, space);
	expect_states(child, "t", THREADS + 1);
	uint64_t address = (uintptr_t)child->pages;
	const uint8_t *bytes = reader_at(&reader, address, PAGES * 4096);
	assert_non_null(bytes);
	assert_ptr_not_equal(bytes, child->pages);
	assert_memory_equal(bytes, child->pages, PAGES * 4096);
	assert_true(address_space_find(space, address)->writable_private);
	assert_int_equal(address_space_state(space, 0), MEMORY_UNMAPPED);
	assert_int_equal(space->pid, child->pid);
	assert_int_equal(space->threads.count, THREADS + 1);
	for (size_t i = 0; i < space->threads.count; i++) {
		uint64_t stack_pointer = space->threads.items[i].stack_pointer;
		const struct segment *stack = address_space_find(space, stack_pointer);
		assert_non_null(stack);
		assert_true(stack->writable_private);
	}
	/* A question waits in the pipe; nobody answers. */
	assert_int_equal(write(child->question, "q", 1), 1);
	expect_states(child, "t", THREADS + 1);
	assert_true(answers_nothing(child));
	address_space_close(space);
	assert_int_equal(receive(child), 'q');
	assert_int_equal(ask(child, 'a'), 'a');
	await_states(child, "S", THREADS + 1);
	child_end(child);
}

static void main_program_is_known(void **state)
{
	struct child *child = *state;
	child_start(child, 0);
	struct address_space *space = open_child(child, false);
	char self[4096];
	ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
	assert_true(length > 0);
	self[length] = '\0';
	const struct mapped_file *program = NULL;
	for (size_t i = 0; i < space->files.count; i++)
		if (space->files.items[i].is_executable)
			program = &space->files.items[i];
	assert_non_null(program);
	assert_string_equal(program->path, self);
	assert_string_equal(program->local_path, self);
	/* A function of ours lies in it, at the same place as here. */
	assert_true((uintptr_t)main_program_is_known >= program->start);
	assert_true((uintptr_t)main_program_is_known < program->end);
	assert_int_equal(space->word_bytes, 8);
	address_space_close(space);
	child_end(child);
}

static void unreadable_memory_is_absent(void **state)
{
	struct child *child = *state;
	assert_int_equal(mprotect(child->pages + 4096 * 8, 4096 * 2, PROT_NONE), 0);
	child_start(child, 0);
	struct address_space *space = open_child(child, false);
	struct reader reader;
	uint64_t address = (uintptr_t)child->pages;
	reader_init(&reader, space);
	assert_int_equal(address_space_state(space, address + 4096 * 8), MEMORY_ABSENT);
	assert_int_equal(address_space_find(space, address + 4096 * 8)->absent, ABSENT_UNREADABLE);
	assert_non_null(reader_at(&reader, address, 4096 * 8));
	assert_null(reader_at(&reader, address + 4096 * 8 - 1, 2));
	address_space_close(space);
	child_end(child);
}

static void signals_get_through(void **state)
{
	struct child *child = *state;
	child_start(child, 2);
	/* Sent to a stopped process, and in a race with stopping: none may be lost or come twice. Each is waited
	 * for, since signals of one kind do not queue up. */
	char expected = 0;
	for (int round = 0; round < 50; round++) {
		if (round % 2 == 0)
			assert_int_equal(kill(child->pid, SIGUSR1), 0);
		struct address_space *space = open_child(child, false);
		if (round % 2 == 1)
			assert_int_equal(kill(child->pid, SIGUSR1), 0);
		address_space_close(space);
		expected++;
		/* Which thread takes it is the kernel's choice; an answer from the main one need not come after it. */
		int asked = 0;
		while (ask(child, 's') != expected)
			assert_true(++asked < 100000);
	}
	child_end(child);
}

static void group_stop_stays(void **state)
{
	struct child *child = *state;
	int status;
	child_start(child, 2);
	assert_int_equal(kill(child->pid, SIGSTOP), 0);
	assert_int_equal(waitpid(child->pid, &status, WUNTRACED), child->pid);
	assert_true(WIFSTOPPED(status));
	struct address_space *space = open_child(child, false);
	expect_states(child, "t", 3);
	address_space_close(space);
	await_states(child, "T", 3);
	assert_int_equal(kill(child->pid, SIGCONT), 0);
	assert_int_equal(ask(child, 'c'), 'c');
	child_end(child);
}

static void already_stopped_is_only_read(void **state)
{
	struct child *child = *state;
	int status;
	child_start(child, 1);
	assert_int_equal(kill(child->pid, SIGSTOP), 0);
	assert_int_equal(waitpid(child->pid, &status, WUNTRACED), child->pid);
	struct address_space *space = open_child(child, true);
	struct reader reader;
	reader_init(&reader, space);
	await_states(child, "T", 2);
	const uint8_t *bytes = reader_at(&reader, (uintptr_t)child->pages, 4096);
	assert_non_null(bytes);
	assert_memory_equal(bytes, child->pages, 4096);
	assert_int_equal(space->threads.count, 2);
	assert_int_not_equal(space->threads.items[0].stack_pointer, 0);
	assert_int_equal(space->warnings.count, 0);
	address_space_close(space);
	await_states(child, "T", 2);
	assert_int_equal(kill(child->pid, SIGCONT), 0);
	assert_int_equal(ask(child, 'c'), 'c');
	/* One that nobody stopped is read, too, but not in silence. */
	space = open_child(child, true);
	assert_int_equal(space->warnings.count, 1);
	address_space_close(space);
	child_end(child);
}

/* A process that keeps making and ending threads. */
static void *short_life(void *context)
{
	return context;
}

static void breed(int answer)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)write(answer, "r", 1);
	for (;;) {
		pthread_t thread;
		if (pthread_create(&thread, NULL, short_life, NULL) == 0)
			(void)pthread_join(thread, NULL);
	}
}

static void threads_that_come_and_go(void **state)
{
	struct child *child = *state;
	int answer[2];
	assert_int_equal(pipe(answer), 0);
	child->pid = fork();
	assert_true(child->pid >= 0);
	if (child->pid == 0)
		breed(answer[1]);
	(void)close(answer[1]);
	child->answer = answer[0];
	assert_int_equal(receive(child), 'r');
	for (int round = 0; round < 50; round++) {
		struct address_space *space = open_child(child, false);
		thread_id_array threads = { .items = NULL };
		assert_int_equal(process_threads_list(child->pid, &threads), 0);
		for (size_t i = 0; i < threads.count; i++)
			assert_non_null(strchr("tZX", process_thread_state(child->pid, threads.items[i])));
		array_free(&threads);
		address_space_close(space);
	}
	(void)kill(child->pid, SIGKILL);
	assert_int_equal(waitpid(child->pid, NULL, 0), child->pid);
	(void)close(child->answer);
}

static void target_survives_the_death_of_its_reader(void **state)
{
	struct child *child = *state;
	int ready[2];
	char byte;
	child_start(child, 2);
	assert_int_equal(pipe(ready), 0);
	pid_t reader = fork();
	assert_true(reader >= 0);
	if (reader == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		struct address_space *space;
		struct error error;
		byte = address_space_open_process(&space, child->pid, false, NULL, &error) == OK ? 'y' : 'n';
		(void)write(ready[1], &byte, 1);
		for (;;)
			(void)pause();
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(byte, 'y');
	expect_states(child, "t", 3);
	assert_int_equal(kill(reader, SIGKILL), 0);
	assert_int_equal(waitpid(reader, NULL, 0), reader);
	assert_int_equal(ask(child, 'a'), 'a');
	await_states(child, "S", 3);
	(void)close(ready[0]);
	(void)close(ready[1]);
	child_end(child);
}

static void expect_failure(int32_t pid, int status, const char *word)
{
	struct address_space *space;
	struct error error = { .status = OK };
	assert_int_equal(address_space_open_process(&space, pid, false, NULL, &error), status);
	assert_null(space);
	assert_non_null(strstr(error.message, word));
}

static void impossible_targets_are_refused_by_name(void **state)
{
	struct child *child = *state;
	expect_failure(0, ERROR_ARGUMENT, "no process id");
	expect_failure(-5, ERROR_ARGUMENT, "no process id");
	expect_failure(getpid(), ERROR_ARGUMENT, "this very program");
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(0);
	siginfo_t information;
	assert_int_equal(waitid(P_PID, (id_t)pid, &information, WEXITED | WNOWAIT), 0);
	expect_failure(pid, ERROR_NOT_FOUND, "zombie");
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	expect_failure(pid, ERROR_NOT_FOUND, "there is no process");
	/* Two tracers are one too many. */
	child_start(child, 0);
	struct address_space *space = open_child(child, false);
	char word[64];
	(void)snprintf(word, sizeof word, "process %d traces it already", getpid());
	expect_failure(child->pid, ERROR_PERMISSION, word);
	expect_states(child, "t", 1);
	address_space_close(space);
	assert_int_equal(ask(child, 'a'), 'a');
	child_end(child);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(stopped_read_and_let_go),
		TEST(main_program_is_known),
		TEST(unreadable_memory_is_absent),
		TEST(signals_get_through),
		TEST(group_stop_stays),
		TEST(already_stopped_is_only_read),
		TEST(threads_that_come_and_go),
		TEST(target_survives_the_death_of_its_reader),
		TEST(impossible_targets_are_refused_by_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
