/* SPDX-License-Identifier: MIT */
#include "report/other_target.h"

#include <stdlib.h>

int other_target_open(struct report *report, const char *word, struct target **ret_target)
{
	const struct request *request = report->request;
	const struct address_space *first = report->target->space;
	const char *sysroot = request_word(request, OPTION_SYSROOT);
	const struct memory_options memory = { .copy = COPY_ALWAYS,
		                               .sysroot = sysroot != NULL ? sysroot : first->sysroot,
		                               .executable = request_word(request, OPTION_EXE),
		                               .ignore_files = first->ignores_files,
		                               .max_memory = address_space_most(first) };
	const struct runtime_options runtime = { .progress = report->progress };
	struct address_space *space;
	char *end;
	const unsigned long pid = strtoul(word, &end, 10);
	if (end != word && *end == '\0' && pid > 0 && pid <= INT32_MAX)
		TRY(address_space_open_process(&space, (int32_t)pid, false, &memory, report->error));
	else
		TRY(address_space_open_core(&space, word, &memory, report->error));
	address_space_limit(space, memory.max_memory);
	int status = target_open(ret_target, space, &runtime, report->error);
	if (status < 0)
		error_note(report->error, "that was '%s'", word);
	return status;
}
