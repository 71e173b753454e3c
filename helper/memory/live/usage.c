/* SPDX-License-Identifier: MIT */
#include "memory/live/usage.h"

#include <stdlib.h>
#include <string.h>

#include "memory/live/procfs.h"

/* "Rss:     1234 kB" on a line of its own; 0: no such line. */
static uint64_t row(const char *text, const char *name)
{
	const size_t length = strlen(name);
	for (const char *line = text; line != NULL && *line != '\0';) {
		if (strncmp(line, name, length) == 0 && line[length] == ':')
			return strtoull(line + length + 1, NULL, 10) * 1024;
		line = strchr(line, '\n');
		line = line != NULL ? line + 1 : NULL;
	}
	return 0;
}

bool memory_usage_read(struct memory_usage *ret_usage, int32_t pid)
{
	struct text text = { .bytes = NULL };
	const bool is_read = process_file_read(&text, "/proc/%d/smaps_rollup", pid) == 0 && text.length > 0;
	const char *rows = text_string(&text);
	*ret_usage = (struct memory_usage){
		.rss = row(rows, "Rss"),
		.pss = row(rows, "Pss"),
		.swap = row(rows, "Swap"),
		.private_bytes = row(rows, "Private_Clean") + row(rows, "Private_Dirty"),
		.shared_bytes = row(rows, "Shared_Clean") + row(rows, "Shared_Dirty"),
		.anonymous = row(rows, "Anonymous"),
		.huge = row(rows, "AnonHugePages"),
	};
	text_free(&text);
	return is_read;
}

bool memory_usage_is_shared(int32_t pid)
{
	struct text text = { .bytes = NULL };
	const bool is_read = process_file_read(&text, "/proc/%d/smaps_rollup", pid) == 0 && text.length > 0;
	const bool is_shared = !is_read || row(text_string(&text), "Shared_Dirty") > 0;
	text_free(&text);
	return is_shared;
}
