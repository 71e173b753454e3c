/* SPDX-License-Identifier: MIT
 * debug_offsets: _Py_DebugOffsets at the start of _PyRuntime (3.13+; Include/internal/pycore_debug_offsets.h).
 * Untrusted input: every value is checked against the size of its group before it is used. Chooses and checks a table
 * row; no version can be sized from it alone. */
#ifndef PYDS_LAYOUT_DEBUG_OFFSETS_H
#define PYDS_LAYOUT_DEBUG_OFFSETS_H

#include "layout/layout.h"

enum { DEBUG_OFFSETS_BYTES = 1024 }; /* more than any known version: 584 (3.13), 760 (3.14), 888 (3.15) */

struct debug_offsets {
	uint32_t version_hex;
	bool is_free_threaded;
	/* What the groups say, as far as fields.def has the field; size 0 elsewhere. struct_bytes from the `size`
	 * members. */
	struct layout layout;
};

/* True if bytes begin with the cookie "xdebugpy". */
bool debug_offsets_has_cookie(const uint8_t *bytes, uint64_t size);
/* ERROR_FORMAT: a value is impossible, and which; ERROR_NO_LAYOUT: a version whose groups are not known. */
int debug_offsets_parse(struct debug_offsets *ret_offsets, const uint8_t *bytes, uint64_t size, struct error *error);

#endif
