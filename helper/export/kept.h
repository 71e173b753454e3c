/* SPDX-License-Identifier: MIT
 * kept: which objects of a heap an export has nodes for. What is left out is summed up under the nearest object of the
 * dominator tree that is not, and its references to others become that object's: the others' dominators, and so all
 * retained sizes, stay what they were. */
#ifndef PYDS_EXPORT_KEPT_H
#define PYDS_EXPORT_KEPT_H

#include "export/export.h"

struct kept {
	const struct retained *heap;
	uint32_t *owner; /* by number of the dominator tree: itself, or who stands for it; NULL: all are kept */
	uint64_t *folded_bytes; /* by number of an owner: of leaves that are counted as a part of it */
	uint32_t *small_first; /* by number of an owner: where the objects begin that it stands for; one more than
	                          numbers */
	uint32_t *small; /* numbers */
	uint64_t *small_bytes; /* by number of an owner: their sum */
	uint32_t owner_count; /* owners with at least one small object */
};

/* Follows options->collapse_leaves and min_retained. */
int kept_open(struct kept *ret_kept, struct export *export);
void kept_close(struct kept *kept);

/* Of a reached object or a holder, by number of the dominator tree. */
static inline bool kept_has(const struct kept *kept, uint32_t number)
{
	return kept->owner == NULL || kept->owner[number] == number;
}

static inline uint32_t kept_owner(const struct kept *kept, uint32_t number)
{
	return kept->owner == NULL ? number : kept->owner[number];
}

#endif
