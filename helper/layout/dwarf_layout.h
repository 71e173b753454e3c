/* SPDX-License-Identifier: MIT
 * dwarf_layout: places of fields.def's fields from debug information (libdw): in the binary itself, by .gnu_debuglink,
 * by build-id under the debug directories, or through debuginfod when the user asked. */
#ifndef PYDS_LAYOUT_DWARF_LAYOUT_H
#define PYDS_LAYOUT_DWARF_LAYOUT_H

#include "base/progress.h"
#include "layout/layout.h"

struct dwarf_options {
	const char *debug_directory; /* looked at before /usr/lib/debug; NULL: none */
	bool use_debuginfod; /* network; only when the user asked */
	const struct progress *progress; /* NULL: nobody asks */
};

/* Merges what the debug information of one ELF file says into *layout: fills structs that have no source yet, leaves
 * the others. *ret_structs: how many were filled; ret_debug_path (may be NULL, else at least 4096 bytes): the file that
 * holds the DWARF. ERROR_NOT_FOUND: no debug information; error names each place that was tried. */
int dwarf_layout_merge(struct layout *layout, const char *elf_path, const struct dwarf_options *options,
                       uint32_t *ret_structs, char *ret_debug_path, struct error *error);

/* A layout as sentences call it: "debug information". */
struct named_layout {
	const struct layout *layout;
	const char *name;
};

/* Every difference between two layouts in structs that both know; calls report with one sentence each. */
void layout_compare(struct named_layout left, struct named_layout right,
                    void (*report)(void *context, const char *sentence), void *context);

#endif
