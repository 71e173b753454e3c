/* SPDX-License-Identifier: MIT */
#include "report/other_target.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What was given for this one; NULL: nothing. */
static const char *own_word(const struct request *request, enum option_id option, uint32_t index)
{
	const bool is_for_all = request_word_at(request, option, 1) == NULL;
	const char *word = request_word_at(request, option, is_for_all ? 0 : index);
	return word != NULL && strcmp(word, "none") != 0 ? word : NULL;
}

int other_target_check(const struct request *request, uint32_t others, struct error *error)
{
	static const struct {
		enum option_id option;
		const char *name;
	} own[] = { { OPTION_EXE, "exe" }, { OPTION_SYSROOT, "sysroot" } };
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		if (request_word_at(request, own[i].option, others) != NULL)
			return error_set(
			        error, ERROR_ARGUMENT,
			        "--%s was given more often than there are later targets (%u): give it once, for "
			        "all of them, or once for each, in their order, with the word none where there is none",
			        own[i].name, (unsigned)others);
	return OK;
}

int other_target_open(struct report *report, const char *word, uint32_t index, struct target **ret_target)
{
	const struct request *request = report->request;
	const struct address_space *first = report->target->space;
	const char *sysroot = own_word(request, OPTION_SYSROOT, index);
	const struct memory_options memory = { .copy = COPY_ALWAYS,
		                               .sysroot = sysroot != NULL ? sysroot : first->sysroot,
		                               .executable = own_word(request, OPTION_EXE, index),
		                               .ignore_files = first->ignores_files,
		                               .max_memory = address_space_most(first) };
	if (memory.executable != NULL && access(memory.executable, R_OK) != 0)
		return error_set(report->error, ERROR_IO, "cannot read %s, the main program of '%s': %s",
		                 memory.executable, word, strerror(errno));
	const struct runtime_options runtime = { .progress = report->progress };
	struct address_space *space;
	char *end;
	const unsigned long pid = strtoul(word, &end, 10);
	const bool is_pid = end != word && *end == '\0' && pid > 0 && pid <= INT32_MAX;
	int status = is_pid ? address_space_open_process(&space, (int32_t)pid, false, &memory, report->error)
	                    : address_space_open_core(&space, word, &memory, report->error);
	if (status >= 0) {
		address_space_limit(space, memory.max_memory);
		status = target_open(ret_target, space, &runtime, report->error);
	}
	if (status < 0)
		error_note(report->error, "that was '%s'", word);
	return status;
}
