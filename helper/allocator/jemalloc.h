/* SPDX-License-Identifier: MIT
 * jemalloc: the extents of a jemalloc 5.2 or 5.3 that stands in for malloc, or that a library was linked with, found
 * by the radix tree that it keeps of all pages (src/rtree.c, include/jemalloc/internal/edata.h) and confirmed by that
 * each extent contains the page it stands for.
 */
#ifndef PYDS_ALLOCATOR_JEMALLOC_H
#define PYDS_ALLOCATOR_JEMALLOC_H

#include "base/array.h"
#include "base/error.h"
#include "base/progress.h"
#include "memory/address_space.h"

enum { JEMALLOC_CLASSES = 232 }; /* SC_NSIZES of 64-bit builds */

/* Its sizes of blocks: 8, then 16 to 64 in steps of 16, then four for each doubling. */
void jemalloc_classes(uint64_t classes[JEMALLOC_CLASSES]);

enum jemalloc_state { JEMALLOC_ACTIVE, JEMALLOC_DIRTY, JEMALLOC_MUZZY, JEMALLOC_RETAINED, JEMALLOC_STATES };

struct jemalloc_extent {
	uint64_t start, end;
	uint64_t region_bytes; /* size of its blocks; a large one is one block */
	uint64_t descriptor; /* edata_t */
	uint64_t block; /* a large one's block: in the extent's first page */
	uint32_t free_regions; /* of a slab */
	uint8_t state; /* enum jemalloc_state */
	uint8_t class; /* of its blocks' size */
	bool is_slab;
};

struct jemalloc {
	const struct mapped_file *file; /* NULL: none found, or it could not be confirmed */
	ARRAY(struct jemalloc_extent) extents; /* by address */
	uint64_t bytes[JEMALLOC_STATES]; /* stats.active, and of dirty, muzzy and retained pages */
	uint64_t allocated; /* stats.allocated; blocks in threads' caches count as in use */
	uint64_t slab_free; /* free blocks within active slabs */
};

int jemalloc_find(struct jemalloc *jemalloc, const struct address_space *space, struct progress *progress,
                  struct error *error);
void jemalloc_clear(struct jemalloc *jemalloc);
/* The extent that holds address; NULL: none. */
const struct jemalloc_extent *jemalloc_extent_at(const struct jemalloc *jemalloc, uint64_t address);

/* Its blocks in use by address, those in threads' caches among them; of a slab that does not agree with itself none. */
struct jemalloc_cursor {
	const struct jemalloc *jemalloc;
	struct reader *reader;
	size_t extent;
	uint64_t region; /* the next one of it */
	uint64_t bits[8]; /* of a slab: set where a region is free */
};
bool jemalloc_cursor_next(struct jemalloc_cursor *cursor, uint64_t *ret_address, uint64_t *ret_bytes);

#endif
