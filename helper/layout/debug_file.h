/* SPDX-License-Identifier: MIT
 * debug_file: the file that holds the debug information of an ELF file, and its dwz supplement. A separate file counts
 * only if its build-id, or its .gnu_debuglink checksum, is that of the binary. */
#ifndef PYDS_LAYOUT_DEBUG_FILE_H
#define PYDS_LAYOUT_DEBUG_FILE_H

#include <elfutils/libdw.h>
#include <limits.h>

#include "base/error.h"
#include "layout/dwarf_layout.h"

struct debug_file {
	int descriptor;
	Dwarf *dwarf;
	int supplement_descriptor; /* of .gnu_debugaltlink; -1: none */
	Dwarf *supplement; /* NULL: none */
	char path[PATH_MAX]; /* of the file that holds the DWARF */
};

/* ERROR_NOT_FOUND: no debug information; error names each place that was tried. */
int debug_file_open(struct debug_file *file, const char *elf_path, const struct dwarf_options *options,
                    struct error *error);
void debug_file_close(struct debug_file *file);

#endif
