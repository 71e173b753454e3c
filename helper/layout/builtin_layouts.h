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

/* Rows that the fingerprint does not exclude, the likeliest first: this very build; then the patch releases of that
 * minor version, the nearest first, among equals the one whose _PyRuntime has that size. A row is a hypothesis: the
 * caller confirms it in the target and takes the next if it does not hold. Structs of the runtime that _Py_DebugOffsets
 * say otherwise are those of another row, or as _Py_DebugOffsets say (LAYOUT_SOURCE_DEBUG_OFFSETS), their other fields
 * absent. From 3.13 on rows are offered as builds with reference tracing too (docs/layouts.md). Index from 0; false
 * after the last. *ret_exact: the row was generated from this very build. */
bool builtin_layout(const struct layout_fingerprint *fingerprint, uint32_t index, struct layout *ret_layout,
                    bool *ret_exact);
/* Puts one struct of another row of the same minor version and build into *layout, the likeliest first; for the struct
 * that the target refutes. Index from 0; false after the last. */
bool builtin_struct(const struct layout_fingerprint *fingerprint, enum layout_struct which, uint32_t index,
                    struct layout *layout);
/* A struct of an extension module that has `bytes` in the target and another size in *layout: as a row of the same kind
 * of build has it, of the nearest minor version, since fixes are ported back; where none has that size, the largest
 * smaller one, as what a patch release adds stands at the end (LAYOUT_SOURCE_INFERRED). False: there is none, and
 * *layout is as it was. */
bool builtin_struct_of_size(struct layout *layout, enum layout_struct which, uint32_t bytes);
/* "3.8, 3.9, ..., 3.13" for messages. */
const char *builtin_layout_versions(void);

#endif
