/* SPDX-License-Identifier: MIT
 * source_file: a text file that the target's program was made of, as it lies on this machine, and whether it can still
 * be the one. */
#ifndef PYDS_MEMORY_SOURCE_FILE_H
#define PYDS_MEMORY_SOURCE_FILE_H

#include "base/array.h"
#include "base/text.h"
#include "memory/address_space.h"

enum source_state {
	SOURCE_ABSENT, /* no such file here, or not one that can be read */
	SOURCE_NEWER, /* written after the process began, or after its core was written: another text, perhaps */
	SOURCE_AT_HAND,
};

struct source_file {
	enum source_state state;
	char *bytes;
	size_t size;
	ARRAY(uint32_t) lines; /* where each begins */
};

/* What was written after this was not there when the process read it: when the core was written, or the process began,
 * as seconds since 1970; 0: it is not known. Asks the kernel: once for all files. */
int64_t source_latest_time(const struct address_space *space);
/* Reads the file of that path, under the sysroot or the live process's own root. Files that are ignored, relative paths
 * and names such as <frozen os> are absent. latest: source_latest_time(). False: out of memory. */
bool source_file_open(struct source_file *ret_file, const struct address_space *space, const char *path,
                      int64_t latest);
void source_file_close(struct source_file *file);
/* Appends the folder that a live process stands in now; nothing of any other target, or where the kernel refuses. */
void source_folder_of_process(const struct address_space *space, struct text *text);
/* Line `number`, from 1, without blanks around it; false: it has no such line. */
bool source_file_line(const struct source_file *file, int64_t number, const char **ret_bytes, size_t *ret_length);

#endif
