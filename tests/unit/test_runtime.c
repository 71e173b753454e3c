/* SPDX-License-Identifier: MIT
 * A real Python, live and as a core that gdb writes, against what it says of itself. The interpreter is
 * $PYDS_TEST_PYTHON or python3. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "runtime/runtime.h"

enum { MAX_THREADS = 4, MAX_CODES = 64 };

/* Two threads with known frames, one of them through a generator, then a line of facts for each, then a wait for the
 * end of standard input. */
static const char program[] =
        "import sys, threading, types, builtins\n"
        "seen, arrived, leave = [], threading.Semaphore(0), threading.Event()\n"
        "def codes():\n"
        "    frame, found = sys._getframe(1), []\n"
        "    while frame is not None:\n"
        "        found.append(id(frame.f_code)); frame = frame.f_back\n"
        "    return found\n"
        "def native():\n"
        "    return threading.get_native_id()\n"
        "def generate(a, b):\n"
        "    seen.append([native(), threading.get_ident()] + codes())\n"
        "    arrived.release()\n"
        "    leave.wait()\n"
        "    yield a, b\n"
        "class Work:\n"
        "    def __init__(self, n):\n"
        "        cell = n\n"
        "        def inner(x, y=1):\n"
        "            return next(generate(x, cell))\n"
        "        inner(n)\n"
        "thread = threading.Thread(target=Work, args=(7,), daemon=True)\n"
        "thread.start()\n"
        "arrived.acquire()\n"
        "seen.append([native(), threading.get_ident()] + codes())\n"
        "print('version', '%d.%d.%d' % sys.version_info[:3], int(hasattr(sys, 'gettotalrefcount')))\n"
        "print('interpreter', id(sys.modules), id(sys.__dict__), id(builtins.__dict__))\n"
        "print('types', id(dict), id(str), id(type), id(types.CodeType), id(None))\n"
        "for numbers in seen: print('thread', len(numbers) - 2, *numbers)\n"
        "print('ready', flush=True)\n"
        "sys.stdin.read()\n";

struct said_thread {
	uint64_t native_id, thread_id;
	uint64_t codes[MAX_CODES];
	unsigned code_count;
};

struct target {
	pid_t pid;
	int input; /* its standard input: closing it ends the program */
	char version[32];
	int is_debug;
	uint64_t modules, sysdict, builtins;
	uint64_t dict_type, str_type, type_type, code_type, none;
	struct said_thread threads[MAX_THREADS];
	unsigned thread_count;
};

static struct target target;

static void read_thread_line(FILE *output)
{
	struct said_thread *thread = &target.threads[target.thread_count];
	assert_true(target.thread_count < MAX_THREADS);
	assert_int_equal(
	        fscanf(output, "%u %" SCNu64 " %" SCNu64, &thread->code_count, &thread->native_id, &thread->thread_id),
	        3);
	assert_true(thread->code_count <= MAX_CODES);
	for (unsigned i = 0; i < thread->code_count; i++)
		assert_int_equal(fscanf(output, "%" SCNu64, &thread->codes[i]), 1);
	target.thread_count++;
}

static bool read_facts(FILE *output)
{
	char word[32];
	while (fscanf(output, "%31s", word) == 1) {
		if (strcmp(word, "version") == 0)
			assert_int_equal(fscanf(output, "%31s %d", target.version, &target.is_debug), 2);
		else if (strcmp(word, "interpreter") == 0)
			assert_int_equal(fscanf(output, "%" SCNu64 " %" SCNu64 " %" SCNu64, &target.modules,
			                        &target.sysdict, &target.builtins),
			                 3);
		else if (strcmp(word, "types") == 0)
			assert_int_equal(fscanf(output, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
			                        &target.dict_type, &target.str_type, &target.type_type,
			                        &target.code_type, &target.none),
			                 5);
		else if (strcmp(word, "thread") == 0)
			read_thread_line(output);
		else if (strcmp(word, "ready") == 0)
			return true;
	}
	return false;
}

static int start_target(void **state)
{
	(void)state;
	int input[2], output[2];
	if (pipe2(input, O_CLOEXEC) < 0 || pipe2(output, O_CLOEXEC) < 0)
		return -1;
	const char *python = getenv("PYDS_TEST_PYTHON");
	target.pid = fork();
	if (target.pid == 0) {
		dup2(input[0], STDIN_FILENO);
		dup2(output[1], STDOUT_FILENO);
		execlp(python != NULL ? python : "python3", "python3", "-c", program, NULL);
		_exit(127);
	}
	close(input[0]);
	close(output[1]);
	target.input = input[1];
	FILE *facts = fdopen(output[0], "r");
	const bool is_ready = target.pid > 0 && facts != NULL && read_facts(facts);
	if (facts != NULL)
		fclose(facts);
	return is_ready ? 0 : -1;
}

static int stop_target(void **state)
{
	(void)state;
	close(target.input);
	while (waitpid(target.pid, NULL, 0) < 0 && errno == EINTR)
		;
	return 0;
}

static const struct python_thread *find_thread(const struct runtime *runtime, uint64_t thread_id)
{
	for (size_t i = 0; i < runtime->threads.count; i++)
		if (runtime->threads.items[i].thread_id == thread_id)
			return &runtime->threads.items[i];
	return NULL;
}

/* The frames below the call that said so are exactly those; above it may be calls it made since. */
static void check_frames(const struct runtime *runtime, const struct said_thread *said)
{
	const struct python_thread *thread = find_thread(runtime, said->thread_id);
	struct frame_list frames = { 0 };
	bool is_truncated;
	assert_non_null(thread);
	assert_int_equal(thread->native_id, said->native_id);
	assert_int_equal(thread->is_main, said->native_id == (uint64_t)target.pid);
	assert_int_equal(runtime_frames(runtime, thread, &frames, &is_truncated, NULL), OK);
	assert_false(is_truncated);
	assert_true(frames.count >= said->code_count);
	const size_t above = frames.count - said->code_count;
	for (unsigned i = 0; i < said->code_count; i++)
		assert_int_equal(frame_list_code(&frames, above + i), said->codes[i]);
	frame_list_clear(&frames);
}

static void check_runtime(const struct runtime *runtime, bool has_file)
{
	assert_string_equal(runtime->version_text, target.version);
	assert_string_equal(runtime->build_text, target.is_debug ? "debug" : "release");
	assert_int_equal(runtime->interpreters.count, 1);
	assert_int_equal(runtime->interpreters.items[0].id, 0);
	assert_int_equal(runtime->interpreters.items[0].modules, target.modules);
	assert_int_equal(runtime->interpreters.items[0].sysdict, target.sysdict);
	assert_int_equal(runtime->interpreters.items[0].builtins, target.builtins);
	assert_int_equal(runtime->symbols[SYMBOL_PyDict_Type], target.dict_type);
	assert_int_equal(runtime->symbols[SYMBOL_PyUnicode_Type], target.str_type);
	assert_int_equal(runtime->symbols[SYMBOL_PyType_Type], target.type_type);
	assert_int_equal(runtime->symbols[SYMBOL_PyCode_Type], target.code_type);
	assert_int_equal(runtime->symbols[SYMBOL__Py_NoneStruct], target.none);
	assert_int_equal(runtime->threads.count, target.thread_count);
	for (unsigned i = 0; i < target.thread_count; i++)
		check_frames(runtime, &target.threads[i]);
	assert_true(runtime->checks.count >= 4);
	assert_false(runtime->is_collecting);
	assert_false(runtime->is_finalizing);
	assert_int_equal(runtime->found_by == RUNTIME_BY_SYMBOL, has_file);
}

static void check_space(const struct address_space *space, const struct runtime_options *options, bool has_file)
{
	struct runtime *runtime;
	struct error error = { 0 };
	if (runtime_open(&runtime, space, options, &error) < 0)
		fail_msg("%s", error.message);
	check_runtime(runtime, has_file);
	unsigned selected = 0;
	for (size_t i = 0; i < runtime->threads.count; i++)
		selected += runtime->threads.items[i].is_selected;
	assert_int_equal(selected, 1);
	for (size_t i = 0; i < runtime->threads.count && options != NULL && options->selected_tid != 0; i++)
		assert_int_equal(runtime->threads.items[i].is_selected,
		                 runtime->threads.items[i].native_id == options->selected_tid);
	runtime_close(runtime);
}

static void check_live(const struct memory_options *memory, const struct runtime_options *options)
{
	struct address_space *space;
	struct error error = { 0 };
	const int status = address_space_open_process(&space, target.pid, false, memory, &error);
	if (status == ERROR_PERMISSION) {
		print_message("%s\n", error.message);
		skip();
	}
	if (status < 0)
		fail_msg("%s", error.message);
	check_space(space, options, memory == NULL);
	address_space_close(space);
}

static void test_live(void **state)
{
	(void)state;
	const struct runtime_options options = { .selected_tid = target.threads[0].native_id };
	check_live(NULL, NULL);
	check_live(NULL, &options);
}

static void test_live_without_files(void **state)
{
	(void)state;
	const struct memory_options memory = { .ignore_files = true };
	check_live(&memory, NULL);
}

/* A core by gdb; false if there is no gdb or it may not. */
static bool write_core(const char *path)
{
	char command[512];
	snprintf(command, sizeof command, "gdb -nx -q -batch -p %d -ex 'gcore %s' >/dev/null 2>&1", (int)target.pid,
	         path);
	return system(command) == 0 && access(path, R_OK) == 0;
}

static void test_core(void **state)
{
	(void)state;
	static const struct memory_options without_files = { .ignore_files = true };
	char directory[] = "/tmp/test_runtime.XXXXXX", path[64];
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof path, "%s/core", directory);
	const bool is_written = write_core(path);
	struct address_space *space;
	struct error error = { 0 };
	if (is_written) {
		if (address_space_open_core(&space, path, NULL, &error) < 0)
			fail_msg("%s", error.message);
		check_space(space, NULL, true);
		address_space_close(space);
		if (address_space_open_core(&space, path, &without_files, &error) < 0)
			fail_msg("%s", error.message);
		check_space(space, NULL, false);
		address_space_close(space);
	}
	unlink(path);
	rmdir(directory);
	if (!is_written) {
		print_message("gdb wrote no core\n");
		skip();
	}
}

/* Where the interpreter has debug information, it must give the same. */
static void test_debug_information(void **state)
{
	(void)state;
	const struct runtime_options options = { .prefer_dwarf = true };
	check_live(NULL, &options);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_live),
		cmocka_unit_test(test_live_without_files),
		cmocka_unit_test(test_core),
		cmocka_unit_test(test_debug_information),
	};
	return cmocka_run_group_tests(tests, start_target, stop_target);
}
