/* SPDX-License-Identifier: MIT
 * Opening a runtime, step by step: where it is, which version, which layout, then its interpreters and threads. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "runtime/find/opening.h"

static void clear_sentences(struct runtime *runtime)
{
	for (size_t i = 0; i < runtime->warnings.count; i++)
		free(runtime->warnings.items[i]);
	for (size_t i = 0; i < runtime->checks.count; i++)
		free(runtime->checks.items[i]);
	runtime->warnings.count = runtime->checks.count = runtime->losses.count = 0;
}

void runtime_close(struct runtime *runtime)
{
	if (runtime == NULL)
		return;
	clear_sentences(runtime);
	array_free(&runtime->warnings);
	array_free(&runtime->losses);
	array_free(&runtime->checks);
	array_free(&runtime->interpreters);
	for (size_t i = 0; runtime->frames != NULL && i < runtime->threads.count; i++)
		frame_list_clear(&runtime->frames[i].list);
	free(runtime->frames);
	array_free(&runtime->threads);
	array_free(&runtime->running_frames);
	free(runtime);
}

static int check_machine(const struct address_space *space, struct error *error)
{
	if (space->word_bytes == 8 && !space->big_endian)
		return OK;
	return error_set(error, ERROR_UNSUPPORTED,
	                 "the target is a %u-bit %s-endian program; only 64-bit little-endian ones are supported",
	                 space->word_bytes * 8, space->big_endian ? "big" : "little");
}

/* Truncated cores keep their first segments: a file's text may be there and its data not. */
static int check_presence(struct opening *opening)
{
	const struct runtime *runtime = opening->runtime;
	uint64_t word;
	if (reader_u64(&opening->reader, runtime->address, &word))
		return OK;
	return error_set(opening->error, ERROR_FAULT,
	                 "%s holds Python, but the memory of its _PyRuntime (0x%" PRIx64 ") %s",
	                 runtime->file != NULL ? runtime->file->path : "the target", runtime->address,
	                 address_space_state(runtime->space, runtime->address) == MEMORY_ABSENT
	                         ? "is not in the dump: it is truncated, was written with a filter, or Python never ran"
	                         : "does not exist: it is not the file that ran");
}

/* Is the candidate that find_runtime() gave a Python that runs and can be read? */
static int examine(struct opening *opening)
{
	clear_sentences(opening->runtime);
	TRY(check_presence(opening));
	TRY(find_version(opening));
	find_known_objects(opening);
	return choose_layout(opening);
}

/* The first candidate that holds; the reason of the first when none does. */
static int find_and_examine(struct opening *opening)
{
	struct error *const error = opening->error;
	struct error first = { 0 };
	for (;;) {
		struct error current = { 0 };
		opening->error = &current;
		int status = find_runtime(opening);
		const bool has_candidate = status == OK;
		if (has_candidate)
			status = examine(opening);
		opening->error = error;
		if (status == OK)
			return OK;
		if (progress_is_cancelled(opening->options->progress))
			return progress_cancelled(error);
		if (first.status == OK)
			first = current;
		if (status == ERROR_NO_MEMORY)
			first = current;
		if (!has_candidate || status == ERROR_NO_MEMORY)
			return error_set(error, first.status, "%s", first.message);
	}
}

/* What is guessed for want of the file, and what to do about it. */
static void warn_without_file(struct runtime *runtime)
{
	static const char *const how[] = {
		[RUNTIME_BY_SYMBOL] = "symbol",
		[RUNTIME_BY_SECTION] = "section",
		[RUNTIME_BY_COOKIE] = "its cookie",
		[RUNTIME_BY_STRUCTURE] = "its shape",
	};
	const struct mapped_file *file = runtime->file;
	if (file != NULL && file->local_path != NULL)
		return;
	runtime_warn(runtime, "%s %s: _PyRuntime was found by %s, types by their names; %s",
	             file != NULL ? file->path : "the file of Python",
	             file != NULL && file->absent == ABSENT_OTHER_FILE
	                     ? "is another build on this machine than the target's"
	                     : "is not on this machine",
	             how[runtime->found_by],
	             file != NULL ? missing_file_hint(file)
	                          : "give the directory that holds the target's files with --sysroot");
}

static void close_opening(struct opening *opening)
{
	if (opening->elf != opening->main_elf)
		elf_file_close(opening->elf);
	elf_file_close(opening->main_elf);
	free(opening->debug_offsets);
}

int runtime_open(struct runtime **ret_runtime, const struct address_space *space, const struct runtime_options *options,
                 struct error *error)
{
	static const struct runtime_options no_options;
	struct error ignored = { 0 };
	if (error == NULL)
		error = &ignored;
	*ret_runtime = NULL;
	TRY(check_machine(space, error));
	struct runtime *runtime = calloc(1, sizeof *runtime);
	if (runtime == NULL)
		return error_set(error, ERROR_NO_MEMORY, "out of memory");
	runtime->space = space;
	struct opening opening = { .runtime = runtime,
		                   .options = options != NULL ? options : &no_options,
		                   .error = error };
	reader_init(&opening.reader, space);
	int status = find_and_examine(&opening);
	if (status == OK)
		status = find_interpreters(&opening);
	if (status == OK)
		derive_known_objects(&opening);
	if (status == OK)
		status = find_threads(&opening);
	if (status == OK)
		status = find_running_frames(&opening);
	if (status == OK)
		warn_without_file(runtime);
	if (status == OK)
		status = progress_check(opening.options->progress, error);
	close_opening(&opening);
	if (status < 0) {
		runtime_close(runtime);
		return status;
	}
	*ret_runtime = runtime;
	return OK;
}
