/* SPDX-License-Identifier: MIT
 * One loop over both ways to find what the collectors track. */
#include "allocator/tracked_objects.h"

#include <stdlib.h>

enum {
	GC_BITS_FROZEN = 8, /* _PyGC_BITS_FROZEN, Include/internal/pycore_gc.h */
	PERMANENT = GC_GENERATIONS - 1,
};

int tracked_objects_open(struct tracked_objects *tracked, const struct runtime *runtime, struct error *error)
{
	*tracked = (struct tracked_objects){ .pages = NULL };
	reader_init(&tracked->reader, runtime->space);
	const struct layout *layout = &runtime->layout;
	if (!layout_feature(layout, FEATURE_FREE_THREADED)) {
		tracked->is_unknown = !gc_lists_are_known(layout);
		return tracked->is_unknown ? OK : gc_lists(runtime, &tracked->lists, error);
	}
	tracked->is_unknown =
	        !layout_has(layout, FIELD_mi_page_t_block_size) || !layout_has(layout, FIELD_mi_segment_t_slices);
	if (tracked->is_unknown)
		return OK;
	tracked->pages = malloc(sizeof *tracked->pages);
	if (tracked->pages == NULL)
		return error_set(error, ERROR_NO_MEMORY, "out of memory");
	mimalloc_cursor_init(tracked->pages, &runtime->layout, &tracked->reader);
	return OK;
}

uint64_t tracked_objects_next(struct tracked_objects *tracked, int32_t *ret_generation)
{
	uint64_t object;
	if (tracked->pages != NULL) {
		uint8_t bits;
		object = mimalloc_cursor_next(tracked->pages, &bits);
		*ret_generation = object != 0 && bits & GC_BITS_FROZEN ? PERMANENT : 0;
		tracked->is_broken |= tracked->pages->is_broken;
		return object;
	}
	for (;;) {
		if (tracked->next_list > 0) {
			object = gc_cursor_next(&tracked->list);
			tracked->is_broken |= tracked->list.is_broken;
			*ret_generation = tracked->lists.items[tracked->next_list - 1].generation;
			if (object != 0)
				return object;
		}
		if (tracked->next_list == tracked->lists.count)
			return 0;
		gc_cursor_init(&tracked->list, &tracked->reader, &tracked->lists.items[tracked->next_list++]);
	}
}

void tracked_objects_close(struct tracked_objects *tracked)
{
	free(tracked->lists.items);
	free(tracked->pages);
}
