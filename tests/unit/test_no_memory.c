/* SPDX-License-Identifier: MIT
 * Every allocation may fail: of each command, in text and in JSON, the n-th one does, the library's own and those of
 * the libraries that it calls, and only that one, as a large one fails where small ones still go. Opening and the
 * answer end with an error and a sentence, or the answer is the whole one: nothing is left out in silence, and nothing
 * crashes or hangs. ctest takes some places of each; every STEP-th one of every command, or of one:
 *
 *     test_no_memory CORE STEP [COMMAND]
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../support/core_writer.h"
#include "memory/core/compressed_file.h"
#include "pydeepsize.h"

enum {
	MOST_WORDS = 8,
	PLACES = 2, /* of each command and form in ctest */
	PLACES_OPENING = 10,
	SECONDS = 120, /* of one answer: more is taken for endless */
	SHOWN = 400, /* characters of a message */
};

/* ---- The allocator ---- */

static atomic_uint_fast64_t asked, fails_at; /* 0: none fails */

static bool is_to_fail(void)
{
	if (atomic_load(&fails_at) == 0)
		return false;
	return atomic_fetch_add(&asked, 1) + 1 == atomic_load(&fails_at);
}

/* glibc's own, behind the names that are taken here. With sanitizers malloc is theirs, and this is not built. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static void *none(void)
{
	errno = ENOMEM;
	return NULL;
}

void *malloc(size_t size)
{
	return is_to_fail() ? none() : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return is_to_fail() ? none() : __libc_calloc(count, size);
}

void *realloc(void *block, size_t size)
{
	return is_to_fail() ? none() : __libc_realloc(block, size);
}

int posix_memalign(void **ret_block, size_t alignment, size_t size)
{
	if (is_to_fail())
		return ENOMEM;
	*ret_block = __libc_memalign(alignment, size);
	return *ret_block != NULL ? 0 : ENOMEM;
}

/* ---- One answer ---- */

struct answer {
	int32_t status; /* of the library; the program's exit status is in exit_status */
	int32_t exit_status;
	char *text;
	uint64_t opening, all; /* allocations */
	char message[SHOWN];
};

static const char *core_path;
static char *directory, *exported;
static char running[4096]; /* for who reads of a crash */
static uint64_t failures;

static void write_running(int number)
{
	(void)!write(STDERR_FILENO, running, strlen(running));
	(void)signal(number, SIG_DFL);
	(void)raise(number);
}

static void note_message(struct answer *answer, const pyds_session *session)
{
	(void)snprintf(answer->message, sizeof answer->message, "%s", pyds_session_error(session));
}

/* What is written to a file is the answer of an export. */
static char *read_exported(void)
{
	struct stat about;
	const int file = open(exported, O_RDONLY | O_CLOEXEC);
	if (file < 0 || fstat(file, &about) != 0)
		return NULL;
	char *bytes = malloc((size_t)about.st_size + 32);
	/* Only the length of what has a time in it, or numbers as they came. */
	if (bytes != NULL)
		(void)snprintf(bytes, 32, "%" PRIu64 " bytes", (uint64_t)about.st_size);
	(void)close(file);
	(void)unlink(exported);
	return bytes;
}

static void finish(struct answer *answer, pyds_session *session, pyds_job *job, bool is_export)
{
	const char *output = "";
	uint64_t length = 0;
	while (pyds_job_wait(job, 1000) != PYDS_JOB_FINISHED)
		;
	answer->status = pyds_job_result(job, &output, &length, &answer->exit_status);
	atomic_store(&fails_at, 0);
	answer->all = atomic_load(&asked);
	note_message(answer, session);
	answer->text = is_export ? read_exported() : strndup(output, length);
	pyds_job_destroy(job);
}

/* fails: which allocation does, UINT64_MAX: none. */
static struct answer ask(uint32_t count, const char *const *words, uint64_t fails)
{
	struct answer answer = { .status = PYDS_OK };
	struct pyds_open_options options = { .struct_size = sizeof options, .flags = PYDS_OPEN_IGNORE_FILES };
	pyds_job *job = NULL;
	(void)alarm(SECONDS);
	atomic_store(&asked, 0);
	atomic_store(&fails_at, fails);
	pyds_session *session = pyds_session_create();
	if (session == NULL) {
		atomic_store(&fails_at, 0);
		answer.status = PYDS_ERROR_NO_MEMORY;
		(void)snprintf(answer.message, sizeof answer.message, "no session");
		return answer;
	}
	answer.status = pyds_open_core(session, core_path, &options, NULL);
	answer.opening = atomic_load(&asked);
	if (answer.status == PYDS_OK)
		answer.status = pyds_job_start(session, count, words, NULL, &job);
	if (answer.status == PYDS_OK)
		finish(&answer, session, job, strcmp(words[0], "export") == 0);
	atomic_store(&fails_at, 0);
	if (job == NULL)
		note_message(&answer, session);
	pyds_session_destroy(session);
	(void)alarm(0);
	return answer;
}

static void complain(uint32_t count, const char *const *words, uint64_t fails, const struct answer *answer,
                     const char *what)
{
	fprintf(stderr, "allocation %" PRIu64 " fails:", fails);
	for (uint32_t i = 0; i < count; i++)
		fprintf(stderr, " %s", words[i]);
	fprintf(stderr, ": %s: status %d, exit status %d, \"%s\"\n", what, answer->status, answer->exit_status,
	        answer->message);
	failures++;
}

/* The first line that is not the same. */
static void show_difference(const char *text, const char *whole, char *message)
{
	size_t line = 0;
	for (size_t i = 0; text[i] == whole[i]; i++)
		if (text[i] == '\n')
			line = i + 1;
	(void)snprintf(message, SHOWN, "%.*s\" for \"%.*s", (int)strcspn(text + line, "\n") % (SHOWN / 2), text + line,
	               (int)strcspn(whole + line, "\n") % (SHOWN / 2), whole + line);
}

static void check_answer(uint32_t count, const char *const *words, const struct answer *whole, uint64_t fails)
{
	(void)snprintf(running, sizeof running, "crashed or endless: allocation %" PRIu64 " of %s %s %s\n", fails,
	               words[0], count > 1 ? words[1] : "", count > 2 ? words[2] : "");
	struct answer answer = ask(count, words, fails);
	if (answer.status != PYDS_OK) {
		if (answer.message[0] == '\0')
			complain(count, words, fails, &answer, "no sentence");
		if (answer.status != PYDS_ERROR_NO_MEMORY)
			complain(count, words, fails, &answer, "said to be something else");
	} else if (answer.exit_status != whole->exit_status) {
		complain(count, words, fails, &answer, "another exit status");
	} else if (answer.text == NULL || whole->text == NULL) {
		complain(count, words, fails, &answer, "no answer");
	} else if (strcmp(answer.text, whole->text) != 0) {
		show_difference(answer.text, whole->text, answer.message);
		complain(count, words, fails, &answer, "another answer");
	}
	free(answer.text);
}

/* In a child, so that a crash is one failure of many. */
static void check_place(uint32_t count, const char *const *words, const struct answer *whole, uint64_t fails)
{
	int status;
	(void)fflush(NULL);
	const pid_t child = fork();
	if (child == 0) {
		failures = 0;
		check_answer(count, words, whole, fails);
		(void)fflush(NULL);
		_exit(failures > 0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
		failures++;
}

/* Some places, or every step-th one. */
static void check_form(uint32_t count, const char *const *words, uint64_t step, bool is_first)
{
	struct answer whole = ask(count, words, UINT64_MAX);
	if (whole.status != PYDS_OK || whole.text == NULL || whole.text[0] == '\0') {
		complain(count, words, 0, &whole, "no answer");
		return;
	}
	const uint64_t of_command = whole.all - whole.opening;
	const uint64_t every = step > 0 ? step : of_command / PLACES + 1;
	for (uint64_t i = every == 1 ? 1 : 1 + every / 3; i <= of_command; i += every)
		check_place(count, words, &whole, whole.opening + i);
	const uint64_t every_opening = step > 0 ? step : whole.opening / PLACES_OPENING + 1;
	for (uint64_t i = 1; i <= whole.opening && is_first; i += every_opening)
		check_place(count, words, &whole, i);
	if (step > 0)
		printf("%s %s: %" PRIu64 " allocations, %" PRIu64 " to open\n", words[0], words[count - 1], of_command,
		       whole.opening);
	free(whole.text);
}

static const char *const questions[][MOST_WORDS] = {
	{ "info" },
	{ "sizeof", "sys.modules", "sys.path" },
	{ "deepsize", "sys.modules" },
	{ "deepsize", "-t", "sys.modules" },
	{ "deepsize", "--policy", "asizeof", "--no-retained", "sys.modules" },
	{ "object", "sys.modules" },
	{ "referents", "sys.modules" },
	{ "referrers", "sys.modules" },
	{ "path", "sys.path" },
	{ "path", "--merge", "module" },
	{ "heap" },
	{ "heap", "--retained" },
	{ "heap", "--held-from-c" },
	{ "heap", "--by", "generation", "--allocated" },
	{ "top" },
	{ "memory" },
	{ "native" },
	{ "frames" },
	{ "threads" },
	{ "tasks" },
	{ "tracebacks" },
	{ "modules" },
	{ "objects", "-n", "500" },
	{ "garbage" },
	{ "tracemalloc" },
	{ "diff", "CORE" },
	{ "query", "SELECT type, count(*), sum(shallow) FROM object GROUP BY type ORDER BY 3 DESC, 1 LIMIT 9" },
	{ "findings" },
};

static const char *const exports[] = { ".heapsnapshot", ".pftrace", ".pb.gz", ".speedscope.json",
	                               ".folded",       ".sqlite",  ".jsonl", ".csv",
	                               ".html",         ".md" };

static void check_question(const char *const *question, uint64_t step, bool is_first)
{
	const char *words[MOST_WORDS + 1];
	uint32_t count = 0;
	for (; count < MOST_WORDS && question[count] != NULL; count++)
		words[count] = strcmp(question[count], "CORE") == 0 ? core_path : question[count];
	check_form(count, words, step, is_first);
	words[count++] = "--json";
	check_form(count, words, step, false);
}

static void check_export(const char *ending, uint64_t step)
{
	char path[4096];
	(void)snprintf(path, sizeof path, "%s/file%s", directory, ending);
	exported = path;
	const bool is_table = strcmp(ending, ".csv") == 0 || strcmp(ending, ".jsonl") == 0;
	const char *words[] = { "export", path, is_table ? "SELECT * FROM type" : "heap" };
	check_form(is_table || strcmp(ending, ".md") == 0 ? 3 : 2, words, step, false);
}

static void check_all(uint64_t step, const char *only)
{
	for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++)
		if (only == NULL || strcmp(only, questions[i][0]) == 0)
			check_question(questions[i], step, i == 0);
	for (size_t i = 0; i < sizeof exports / sizeof exports[0]; i++)
		if (only == NULL || strcmp(only, "export") == 0)
			check_export(exports[i], step);
}

/* A command that nobody asks here would not be tested. */
static void check_commands(void)
{
	struct pyds_command_info info = { .struct_size = sizeof info };
	for (uint32_t i = 0; pyds_command(i, &info) == PYDS_OK; i++) {
		bool is_asked = strcmp(info.name, "export") == 0;
		for (size_t k = 0; k < sizeof questions / sizeof questions[0]; k++)
			is_asked |= strcmp(info.name, questions[k][0]) == 0;
		if (!is_asked) {
			fprintf(stderr, "%s is a command that is not asked here\n", info.name);
			failures++;
		}
	}
}

static char *expand(const char *stored)
{
	struct error error = { 0 };
	bool whole;
	int core;
	char *path = NULL;
	const int packed = open(stored, O_RDONLY | O_CLOEXEC);
	if (packed < 0 ||
	    compressed_file_expand(packed, stored, &(struct expand_options){ 0 }, &core, &whole, &error) != OK ||
	    asprintf(&path, "%s/core", directory) < 0)
		return NULL;
	const int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	static char block[1 << 16];
	for (ssize_t got; (got = read(core, block, sizeof block)) > 0;)
		if (write(to, block, (size_t)got) != got)
			return NULL;
	(void)close(to);
	(void)close(core);
	(void)close(packed);
	return path;
}

int main(int argc, char **argv)
{
	const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM };
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
		(void)signal(signals[i], write_running);
	directory = temporary_directory();
	char *expanded = argc < 3 ? expand(PYDS_SOURCE_DIR "/corefiles/3.12.1.core.zst") : NULL;
	core_path = argc < 3 ? expanded : argv[1];
	if (core_path == NULL) {
		fprintf(stderr, "no core to look at\n");
		return 2;
	}
	check_commands();
	check_all(argc < 3 ? 0 : strtoull(argv[2], NULL, 10), argc > 3 ? argv[3] : NULL);
	if (expanded != NULL)
		(void)unlink(expanded);
	free(expanded);
	temporary_directory_remove(directory);
	printf("%" PRIu64 " failures\n", failures);
	return failures > 0;
}
