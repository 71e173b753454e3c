/* SPDX-License-Identifier: MIT
 * builtin_layouts: the generated tables, one row per CPython build that was looked at, and the choice of a row. */
#ifndef PYDS_LAYOUT_BUILTIN_LAYOUTS_H
#define PYDS_LAYOUT_BUILTIN_LAYOUTS_H

#include "layout/debug_offsets.h"
#include "layout/layout.h"

/* What is known about a Python before its layout is. 0: unknown. */
struct layout_fingerprint {
	struct python_version version; /* hex exact, or only major.minor (0x030b0000) when no more is known */
	uint64_t runtime_bytes; /* st_size of _PyRuntime or of section .PyRuntime */
	uint64_t type_type_bytes; /* st_size of PyType_Type */
	uint64_t none_bytes; /* st_size of _Py_NoneStruct */
	const struct debug_offsets *debug_offsets; /* NULL below 3.13 */
};

/* Rows that the fingerprint does not exclude, best first: exact version and all sizes, then the same minor version and
 * flags with equal sizes; from 3.13 on also rows whose object structs agree with debug_offsets while runtime structs do
 * not: those are as debug_offsets say (LAYOUT_SOURCE_DEBUG_OFFSETS), their other fields absent; last, for 3.13, the
 * same again with the other vendor's place of the generations (docs/layouts.md). The caller confirms a row in the
 * target and takes the next if it does not hold. Index from 0; false after the last. *ret_exact: the row was generated
 * from this very version. */
bool builtin_layout(const struct layout_fingerprint *fingerprint, uint32_t index, struct layout *ret_layout,
                    bool *ret_exact);
/* "3.8, 3.9, ..., 3.13" for messages. */
const char *builtin_layout_versions(void);

#endif
