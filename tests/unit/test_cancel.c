/* SPDX-License-Identifier: MIT
 * Every command, and opening, ends soon once it is cancelled, however far it is: measured in looks at the progress,
 * of which each is worth PROGRESS_INTERVAL steps of a loop at most, not in seconds. Over a stored core, over the same
 * one damaged, and over any core:  test_cancel CORE */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../support/core_writer.h"
#include "memory/core/compressed_file.h"
#include "report/report.h"
#include "target/target.h"

enum {
	MORE_LOOKS = 64, /* after the one that found it cancelled: each loop that is entered yet looks once, and ends */
	DAMAGED_WORDS = 3000,
	PLACES = 3, /* where a command is cancelled */
};

static const char *core_path; /* what is looked at */
static char *directory, *expanded, *damaged;

/* Opens the core and answers; *progress has the looks. Where it is cancelled while it opens, that is the answer. */
static int answer(const char *const *arguments, uint32_t count, struct progress *progress, uint64_t *ret_opening)
{
	const struct memory_options memory = { .ignore_files = true, .progress = progress };
	const struct runtime_options runtime = { .ignore_dwarf = true, .progress = progress };
	struct error error = { 0 };
	struct address_space *space;
	struct target *target = NULL;
	struct request request;
	struct text text = { .bytes = NULL };
	uint64_t object = 0;
	assert_int_equal(request_parse(&request, count, arguments, &error), OK);
	int status = address_space_open_core(&space, core_path, &memory, &error);
	if (status == OK)
		status = target_open(&target, space, &runtime, &error);
	*ret_opening = progress->looks;
	if (status == OK && request.targets.count > 0) {
		struct error none = { 0 };
		(void)names_resolve(&target->naming, request.targets.items[0], &(struct name_options){ 0 }, &object,
		                    &none);
	}
	if (status == OK) {
		struct report report = { .request = &request,
			                 .targets = &object,
			                 .refusals = (const char *const[]){ NULL },
			                 .target = target,
			                 .decoder = &target->decoder,
			                 .naming = &target->naming,
			                 .style = { .width = 80 },
			                 .progress = progress,
			                 .text = &text,
			                 .error = &error };
		status = report_run(&report);
	}
	target_close(target);
	request_clear(&request);
	text_free(&text);
	return status;
}

static void check_command(const struct command *command)
{
	char file[4096];
	(void)snprintf(file, sizeof file, "%s/export.heapsnapshot", directory);
	const char *arguments[3] = { command->name };
	uint32_t count = 1;
	if (command->flags & COMMAND_TAKES_TARGETS)
		arguments[count++] = "sys.modules";
	else if (strcmp(command->name, "diff") == 0)
		arguments[count++] = core_path;
	else if (strcmp(command->name, "query") == 0)
		arguments[count++] = "SELECT count(*), sum(shallow) FROM object";
	else if (strcmp(command->name, "export") == 0)
		arguments[count++] = file;
	struct progress whole = { .cancel_at = 0 };
	uint64_t opening;
	(void)answer(arguments, count, &whole, &opening);
	const uint64_t looks = whole.looks, places[PLACES] = { 1, opening + 1, (opening + looks) / 2 };
	for (size_t i = 0; i < PLACES && looks > 0; i++) {
		struct progress progress = { .cancel_at = places[i] };
		/* Several threads share the looks differently each time: the last ones may not come. */
		const int status = answer(arguments, count, &progress, &opening);
		if (progress.looks < places[i])
			continue;
		if (progress.looks > places[i] + MORE_LOOKS)
			fail_msg("%s: cancelled at look %lu of %lu, %lu more", command->name, (unsigned long)places[i],
			         (unsigned long)looks, (unsigned long)(progress.looks - places[i]));
		if (status != ERROR_CANCELLED)
			fail_msg("%s: cancelled at look %lu of %lu, and ended with %d", command->name,
			         (unsigned long)places[i], (unsigned long)looks, status);
	}
}

/* The looks are the same with sanitizers, which take minutes for all commands: one shows that nothing is amiss there.
 */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { IS_SANITIZED = 1 };
#else
enum { IS_SANITIZED = 0 };
#endif

static void check_all(void)
{
	for (uint32_t i = 0; command_at(i) != NULL; i++)
		if (!IS_SANITIZED || strcmp(command_at(i)->name, "heap") == 0)
			check_command(command_at(i));
}

static void sound_core(void **state)
{
	(void)state;
	core_path = expanded;
	check_all();
}

static void damaged_core(void **state)
{
	(void)state;
	core_path = damaged;
	check_all();
}

static void copy_damaged(int from, const char *path)
{
	struct stat about;
	uint64_t random = 20261127;
	assert_int_equal(fstat(from, &about), 0);
	const size_t size = (size_t)about.st_size;
	uint8_t *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, from, 0);
	assert_true(bytes != MAP_FAILED);
	for (int i = 0; i < DAMAGED_WORDS && path == damaged; i++) {
		random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		/* Behind the headers, and so often another address of the core that it leads somewhere. */
		const size_t at = 65536 + (size_t)(random >> 20) % (size - 65536 - 8) / 8 * 8;
		const size_t other = 65536 + (size_t)(random >> 9) % (size - 65536 - 8) / 8 * 8;
		memmove(bytes + at, i % 2 == 0 ? (const uint8_t *)&random : bytes + other, 8);
	}
	const int to = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(to >= 0);
	assert_int_equal(write(to, bytes, size), (ssize_t)size);
	(void)close(to);
	(void)munmap(bytes, size);
}

static char *path_in(const char *name)
{
	char path[4096];
	(void)snprintf(path, sizeof path, "%s/%s", directory, name);
	return strdup(path);
}

static int set_up(void **state)
{
	(void)state;
	static const char stored[] = PYDS_SOURCE_DIR "/corefiles/3.12.1.core.zst";
	struct error error = { 0 };
	bool whole;
	int core;
	directory = temporary_directory();
	expanded = path_in("sound.core");
	damaged = path_in("damaged.core");
	const int packed = open(stored, O_RDONLY);
	if (packed < 0 ||
	    compressed_file_expand(packed, stored, &(struct expand_options){ 0 }, &core, &whole, &error) != OK)
		return -1;
	copy_damaged(core, expanded);
	copy_damaged(core, damaged);
	(void)close(packed);
	return close(core);
}

static int tear_down(void **state)
{
	(void)state;
	free(expanded);
	free(damaged);
	temporary_directory_remove(directory);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(sound_core), cmocka_unit_test(damaged_core) };
	if (argc < 2)
		return cmocka_run_group_tests(tests, set_up, tear_down);
	directory = temporary_directory();
	core_path = argv[1];
	check_all();
	temporary_directory_remove(directory);
	return 0;
}
