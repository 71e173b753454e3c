/* SPDX-License-Identifier: MIT
 * tables: frames, locals, types and modules as rows of the public header: found by the first call that asks, then kept
 * with all their strings till the session ends, so that a caller may take them in pieces and keep what they point to.
 */
#ifndef PYDS_API_TABLES_H
#define PYDS_API_TABLES_H

#include <stdbool.h>

#include "base/array.h"
#include "base/text.h"
#include "pydeepsize.h"

struct session_tables {
	ARRAY(struct pyds_frame_row) frames;
	ARRAY(struct pyds_local_row) locals;
	ARRAY(struct pyds_type_row) types;
	ARRAY(struct pyds_module_row) modules;
	ARRAY(char *) strings; /* owned */
	bool has_frames, has_types, has_modules;
};

void tables_clear(struct session_tables *tables);
/* Takes over the bytes of a text; NULL: out of memory. */
const char *tables_keep(struct session_tables *tables, struct text *text);

#endif
