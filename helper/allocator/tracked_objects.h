/* SPDX-License-Identifier: MIT
 * tracked_objects: all objects that the collectors of a process track: linked in lists (runtime/gc_lists.h), or in
 * free-threaded builds marked by a bit and found in the allocator's pages (allocator/mimalloc.h). */
#ifndef PYDS_ALLOCATOR_TRACKED_OBJECTS_H
#define PYDS_ALLOCATOR_TRACKED_OBJECTS_H

#include "runtime/gc_lists.h"
#include "allocator/mimalloc.h"

struct tracked_objects {
	struct reader reader;
	struct gc_list_array lists;
	size_t next_list; /* the cursor's list is the one before */
	struct gc_cursor list;
	struct mimalloc_cursor *pages; /* free-threaded builds; else NULL */
	bool is_unknown; /* where they are to be found is not known of this build: there is no row for it */
	bool is_broken; /* some list did not close, some page was not as it must be: torn at the moment of the dump */
};

int tracked_objects_open(struct tracked_objects *tracked, const struct runtime *runtime, struct error *error);
/* The next object; 0 at the end. *ret_generation: below GC_GENERATIONS, the last of which is the permanent one.
 * Free-threaded builds have one generation, 0, and frozen objects, which are said to be in the permanent one. */
uint64_t tracked_objects_next(struct tracked_objects *tracked, int32_t *ret_generation);
void tracked_objects_close(struct tracked_objects *tracked);

#endif
