/* SPDX-License-Identifier: MIT
 * profile: a heap as a profile of stacks. The tree is that of the dominators, or of the shortest paths from the roots;
 * nodes of equal name and type below one frame are one frame ("[*]: app.Session", a million of them), so are chains of
 * the same (a linked list is one frame). Bytes below a frame are then what its objects retain together. */
#ifndef PYDS_EXPORT_PROFILE_H
#define PYDS_EXPORT_PROFILE_H

#include "export/export.h"
#include "export/string_table.h"

enum { PROFILE_DEPTH = 128 }; /* frames of a stack at most: what is deeper counts for the last one */

struct profile_frame {
	uint32_t parent; /* index; of frame 0 itself */
	uint32_t name; /* in the string table */
	uint32_t depth;
	uint64_t count, bytes; /* of its own objects: shallow */
};

struct profile {
	struct string_table strings;
	ARRAY(struct profile_frame) frames; /* a parent comes before its children; frame 0 is the process */
};

int profile_make(struct profile *ret_profile, struct export *export);
void profile_clear(struct profile *profile);

#endif
