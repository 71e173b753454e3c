/* SPDX-License-Identifier: MIT
 * layout_rows: the generated tables as data, one row for each build of CPython that was looked at. */
#ifndef PYDS_LAYOUT_LAYOUT_ROWS_H
#define PYDS_LAYOUT_LAYOUT_ROWS_H

#include "layout/layout.h"

struct layout_row {
	const char *name; /* "3.11.7", "3.11.2-debian", "3.13.0d", "3.14.4-headers" */
	struct python_version version;
	bool is_partial; /* made of headers: only the structs of the runtime */
	uint64_t runtime_bytes, section_bytes; /* of _PyRuntime and of section .PyRuntime; 0: the build has none */
	uint64_t type_type_bytes, none_bytes;
	uint32_t struct_bytes[STRUCT_COUNT];
	struct layout_place fields[FIELD_COUNT];
};

extern const struct layout_row layout_rows[];
extern const unsigned layout_row_count;

/* What moves inside a minor version. */
bool layout_is_runtime_struct(enum layout_struct which);
/* How far a row's patch release is from that one; 0 if only the minor version is known. */
uint32_t layout_row_distance(const struct layout_row *row, uint32_t hex);
/* Is the row of that minor version, and a debug or free-threaded build as that one is? */
bool layout_row_is_of(const struct layout_row *row, const struct python_version *version);
/* Takes one struct over from a row; a layout with reference tracing has a pointer more in its interpreter than a row
 * without (layout_row_can_trace). */
void layout_row_give(const struct layout_row *row, enum layout_struct which, struct layout *layout);
/* From 3.13 on reference tracing adds one pointer to an interpreter (object_state.refchain) and nothing else: can the
 * row of a build without be used for one with it? */
bool layout_row_can_trace(const struct layout_row *row);

#endif
