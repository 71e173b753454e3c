/* SPDX-License-Identifier: MIT
 * Live targets that are copied and let go: the copy is what was there when the process was stopped. The child changes
 * its memory as soon as it runs again. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "memory/address_space.h"
#include "memory/live/page_scan.h"
#include "memory/live/procfs.h"

enum { PAGE = 4096, TOUCHED = 3000, PAGES = 8192, SPARSE_AT = 77 };

#define SPARSE_BYTES (UINT64_C(100) << 30)

/* Mapped before the fork, so at the same addresses in both. */
struct child {
	pid_t pid;
	int question, answer;
	uint8_t *pages; /* PAGES, of which the first TOUCHED are written to */
	uint8_t *sparse; /* SPARSE_BYTES, one page of them written to */
	uint8_t *shared;
	uint8_t *file; /* two private pages of a file, the second one written to */
	uint8_t *constant; /* two pages of a file that cannot be written to */
};

static uint8_t pattern(uint64_t i)
{
	return (uint8_t)(i * 7 + i / PAGE);
}

static void *map(uint64_t bytes, int protection, int flags, int file)
{
	void *address = mmap(NULL, bytes, protection, flags, file, 0);
	assert_true(address != MAP_FAILED);
	return address;
}

/* Answers each byte with itself; 'w' overwrites everything first, 'e' ends. */
static void child_main(const struct child *child, int question, int answer)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		char byte;
		if (read(question, &byte, 1) != 1 || byte == 'e')
			_exit(0);
		if (byte == 'w') {
			memset(child->pages, 0xEE, (uint64_t)PAGES * PAGE);
			memset(child->sparse + SPARSE_AT * (uint64_t)PAGE, 0xEE, PAGE);
			memset(child->file, 0xEE, 2 * PAGE);
		}
		(void)write(answer, &byte, 1);
	}
}

static char ask(const struct child *child, char byte)
{
	struct pollfd wait = { .fd = child->answer, .events = POLLIN };
	assert_int_equal(write(child->question, &byte, 1), 1);
	assert_int_equal(poll(&wait, 1, 20000), 1);
	assert_int_equal(read(child->answer, &byte, 1), 1);
	return byte;
}

static int set_up(void **state)
{
	struct child *child = calloc(1, sizeof *child);
	char path[] = "/tmp/pydeepsize-copy-XXXXXX";
	int file = mkstemp(path), question[2], answer[2];
	uint8_t bytes[2 * PAGE];
	assert_true(file >= 0);
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = pattern(i + 5);
	assert_int_equal(write(file, bytes, sizeof bytes), sizeof bytes);
	child->pages = map((uint64_t)PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	child->sparse = map(SPARSE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
	child->shared = map(PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
	child->file = map(2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file);
	child->constant = map(2 * PAGE, PROT_READ, MAP_PRIVATE, file);
	for (uint64_t i = 0; i < (uint64_t)TOUCHED * PAGE; i++)
		child->pages[i] = pattern(i);
	memset(child->sparse + SPARSE_AT * (uint64_t)PAGE, 0x5A, PAGE);
	memset(child->file + PAGE, 0x3C, PAGE);
	assert_int_equal(unlink(path), 0);
	(void)close(file);
	assert_int_equal(pipe(question), 0);
	assert_int_equal(pipe(answer), 0);
	child->pid = fork();
	assert_true(child->pid >= 0);
	if (child->pid == 0) {
		(void)close(question[1]);
		child_main(child, question[0], answer[1]);
	}
	(void)close(question[0]);
	(void)close(answer[1]);
	child->question = question[1];
	child->answer = answer[0];
	*state = child;
	return ask(child, 'r') != 'r';
}

static int tear_down(void **state)
{
	struct child *child = *state;
	(void)kill(child->pid, SIGKILL);
	(void)waitpid(child->pid, NULL, 0);
	(void)close(child->question);
	(void)close(child->answer);
	(void)munmap(child->pages, (uint64_t)PAGES * PAGE);
	(void)munmap(child->sparse, SPARSE_BYTES);
	(void)munmap(child->shared, PAGE);
	(void)munmap(child->file, 2 * PAGE);
	(void)munmap(child->constant, 2 * PAGE);
	free(child);
	return 0;
}

static struct address_space *open_child(const struct child *child, enum copy_choice choice)
{
	struct address_space *space;
	struct error error = { .status = OK };
	const struct memory_options options = { .copy = (uint8_t)choice };
	int status = address_space_open_process(&space, child->pid, false, &options, &error);
	assert_string_equal(error.message, "");
	assert_int_equal(status, OK);
	return space;
}

static void expect_pages(struct address_space *space, const struct child *child)
{
	struct reader reader;
	reader_init(&reader, space);
	const uint8_t *bytes = reader_at(&reader, (uintptr_t)child->pages, (uint64_t)PAGES * PAGE);
	assert_non_null(bytes);
	for (uint64_t i = 0; i < (uint64_t)PAGES * PAGE; i++)
		if (bytes[i] != (i < (uint64_t)TOUCHED * PAGE ? pattern(i) : 0))
			fail_msg("byte %lu is %d", i, bytes[i]);
	bytes = reader_at(&reader, (uintptr_t)child->sparse, SPARSE_BYTES);
	assert_non_null(bytes);
	assert_int_equal(bytes[(SPARSE_AT - 1) * (uint64_t)PAGE], 0);
	assert_int_equal(bytes[SPARSE_AT * (uint64_t)PAGE + 1], 0x5A);
	assert_int_equal(bytes[SPARSE_BYTES - 1], 0);
	bytes = reader_at(&reader, (uintptr_t)child->file, 2 * PAGE);
	assert_non_null(bytes);
	assert_int_equal(bytes[3], pattern(3 + 5));
	assert_int_equal(bytes[PAGE + 3], 0x3C);
}

static void copy_is_what_was_there(void **state)
{
	struct child *child = *state;
	struct address_space *space = open_child(child, COPY_ALWAYS);
	assert_int_equal(space->live.mode, LIVE_COPY);
	/* It runs while the space is open, and the copy does not change with it. */
	assert_int_equal(ask(child, 'w'), 'w');
	expect_pages(space, child);
	const struct segment *segment = address_space_find(space, (uintptr_t)child->pages);
	assert_true(segment->writable_private);
	assert_null(segment->lazy);
	assert_int_equal(address_space_state(space, (uintptr_t)child->shared), MEMORY_ABSENT);
	assert_int_equal(address_space_state(space, (uintptr_t)child->constant), MEMORY_PRESENT);
	/* Neither the reservation nor untouched pages were copied. */
	assert_true(space->live.copied_bytes >= (uint64_t)TOUCHED * PAGE);
	assert_true(space->live.copied_bytes < (uint64_t)TOUCHED * PAGE + (UINT64_C(64) << 20));
	uint64_t stopped = address_space_stopped(space);
	assert_true(stopped > 0);
	assert_int_equal(address_space_stopped(space), stopped);
	address_space_close(space);
	assert_int_equal(ask(child, 'q'), 'q');
}

static void copy_outlives_the_process(void **state)
{
	struct child *child = *state;
	struct address_space *space = open_child(child, COPY_ALWAYS);
	assert_int_equal(write(child->question, "e", 1), 1);
	siginfo_t information;
	assert_int_equal(waitid(P_PID, (id_t)child->pid, &information, WEXITED | WNOWAIT), 0);
	expect_pages(space, child);
	/* Code and constants come from the program's file. */
	struct reader reader;
	reader_init(&reader, space);
	uint64_t code = (uintptr_t)copy_outlives_the_process;
	const uint8_t *bytes = reader_at(&reader, code, 32);
	assert_non_null(bytes);
	assert_memory_equal(bytes, (const void *)(uintptr_t)code, 32);
	assert_true(address_space_find(space, code)->from_file);
	/* The beginning of every file was looked at in time. */
	assert_int_equal(address_space_state(space, (uintptr_t)child->constant), MEMORY_PRESENT);
	address_space_close(space);
}

static void in_place_stays_stopped(void **state)
{
	struct child *child = *state;
	/* Reading 100 GiB in place would take 100 GiB here. */
	struct address_space *space = open_child(child, COPY_NEVER);
	assert_int_equal(space->live.mode, LIVE_IN_PLACE);
	assert_int_equal(space->live.reason, IN_PLACE_ASKED);
	assert_int_equal(process_thread_state(child->pid, child->pid), 't');
	uint64_t stopped = address_space_stopped(space);
	assert_true(stopped > 0);
	(void)poll(NULL, 0, 2);
	assert_true(address_space_stopped(space) > stopped);
	address_space_close(space);
	assert_int_equal(ask(child, 'q'), 'q');
}

static void brief_looks_do_not_copy_much(void **state)
{
	struct child *child = *state;
	struct address_space *space = open_child(child, COPY_BRIEF);
	assert_int_equal(space->live.mode, LIVE_COPY);
	address_space_close(space);
	char *more = map(UINT64_C(64) << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	memset(more, 1, UINT64_C(64) << 20);
	/* Another child, with that as well. */
	void *larger;
	assert_int_equal(set_up(&larger), 0);
	space = open_child(larger, COPY_BRIEF);
	assert_int_equal(space->live.mode, LIVE_IN_PLACE);
	assert_int_equal(space->live.reason, IN_PLACE_BRIEF);
	assert_true(space->live.wanted_bytes >= UINT64_C(64) << 20);
	address_space_close(space);
	(void)tear_down(&larger);
	(void)munmap(more, UINT64_C(64) << 20);
}

static void no_address_space_is_no_failure(void **state)
{
	struct child *child = *state;
	struct rlimit before, less;
	unsigned long pages = 0;
	FILE *statm = fopen("/proc/self/statm", "r");
	assert_non_null(statm);
	assert_int_equal(fscanf(statm, "%lu", &pages), 1);
	assert_int_equal(fclose(statm), 0);
	assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
	less = before;
	less.rlim_cur = pages * PAGE + (UINT64_C(2) << 30);
	assert_int_equal(setrlimit(RLIMIT_AS, &less), 0);
	struct address_space *space = NULL;
	struct error error = { .status = OK };
	const struct memory_options options = { .copy = COPY_ALWAYS };
	/* In place the reservation of 100 GiB is too much as well; but that is said, and the child runs on. */
	int status = address_space_open_process(&space, child->pid, false, &options, &error);
	assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
	assert_int_equal(status, ERROR_NO_MEMORY);
	assert_non_null(strstr(error.message, "ulimit -v"));
	assert_int_equal(ask(child, 'q'), 'q');
}

static void stopped_processes_stay_stopped(void **state)
{
	struct child *child = *state;
	int status;
	assert_int_equal(kill(child->pid, SIGSTOP), 0);
	assert_int_equal(waitpid(child->pid, &status, WUNTRACED), child->pid);
	struct address_space *space = open_child(child, COPY_ALWAYS);
	assert_int_equal(space->live.mode, LIVE_COPY);
	expect_pages(space, child);
	for (int i = 0; process_thread_state(child->pid, child->pid) != 'T'; i++) {
		assert_true(i < 10000);
		(void)poll(NULL, 0, 1);
	}
	address_space_close(space);
	assert_int_equal(process_thread_state(child->pid, child->pid), 'T');
	assert_int_equal(kill(child->pid, SIGCONT), 0);
	assert_int_equal(ask(child, 'q'), 'q');
}

static void pages_that_hold_something(void **state)
{
	const struct child *child = *state;
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (pagemap < 0)
		skip();
	const struct memory_mapping mapping = { .start = (uintptr_t)child->pages,
		                                .end = (uintptr_t)child->pages + (uint64_t)PAGES * PAGE,
		                                .protection = PROT_READ | PROT_WRITE };
	page_run_array runs = { .items = NULL };
	assert_int_equal(page_scan(pagemap, &mapping, 1, &runs), 0);
	uint64_t found = 0;
	for (size_t i = 0; i < runs.count; i++) {
		assert_false(runs.items[i].is_file);
		assert_true(i == 0 || runs.items[i].start > runs.items[i - 1].end);
		found += runs.items[i].end - runs.items[i].start;
	}
	/* With huge pages some more than were touched. */
	assert_true(found >= (uint64_t)TOUCHED * PAGE);
	assert_int_equal(runs.items[0].start, mapping.start);
	array_free(&runs);
	(void)close(pagemap);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(copy_is_what_was_there),         TEST(copy_outlives_the_process),
		TEST(in_place_stays_stopped),         TEST(brief_looks_do_not_copy_much),
		TEST(no_address_space_is_no_failure), TEST(stopped_processes_stay_stopped),
		TEST(pages_that_hold_something),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
