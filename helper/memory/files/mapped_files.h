/* SPDX-License-Identifier: MIT
 * mapped_files: which ELF files the target had mapped, which file on this machine is the very same one, and
 * its bytes for what the dump lacks. */
#ifndef PYDS_MEMORY_MAPPED_FILES_H
#define PYDS_MEMORY_MAPPED_FILES_H

#include "memory/space_source.h"

/* What is known of the main program; zero: nothing. */
struct main_program {
	uint64_t program_headers_address; /* AT_PHDR */
	uint64_t entry_address; /* AT_ENTRY */
	const char *path; /* /proc/PID/exe or AT_EXECFN */
	const char *process_directory; /* "/proc/PID", for a live target; NULL otherwise */
	const char *root_directory; /* what its paths are looked up under; NULL: "root" in process_directory */
	bool is_running; /* it was copied and let go; what is lazy still is only read from it where no file will do */
};

/* Fills space->files from the rows of a list of mappings, reading header pages through the space, and turns
 * the space's absent ranges into bytes of verified files, or into the reason why there are none. Ranges of
 * rows that no segment covers become segments, too. */
int mapped_files_find(struct address_space *space, const struct memory_mapping *rows, size_t row_count,
                      const struct main_program *program, const struct memory_options *options, struct error *error);

#endif
