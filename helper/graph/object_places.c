/* SPDX-License-Identifier: MIT */
#include "graph/object_places.h"

#include <stdlib.h>

#include "object/type_flags.h"
#include "runtime/thread_stacks.h"

static int compare_ranges(const void *left, const void *right)
{
	const struct place_range *a = left, *b = right;
	return a->start < b->start ? -1 : a->start > b->start;
}

bool object_places_open(struct object_places *ret_places, const struct runtime *runtime)
{
	const struct address_space *space = runtime->space;
	struct thread_stacks stacks;
	bool is_open = thread_stacks_find(&stacks, runtime);
	*ret_places = (struct object_places){
		.most_references = (int64_t)((space->coverage.present + space->coverage.writable_absent) / 8),
	};
	if (is_open)
		ret_places->ranges = calloc(space->files.count + stacks.ranges.count + 1, sizeof *ret_places->ranges);
	is_open = ret_places->ranges != NULL;
	for (size_t i = 0; is_open && i < space->files.count; i++)
		if (space->files.items[i].is_elf)
			ret_places->ranges[ret_places->count++] =
			        (struct place_range){ space->files.items[i].start, space->files.items[i].end,
				                      PLACE_STATIC };
	for (size_t i = 0; is_open && i < stacks.ranges.count; i++)
		ret_places->ranges[ret_places->count++] =
		        (struct place_range){ stacks.ranges.items[i].start, stacks.ranges.items[i].end, PLACE_STACK };
	if (ret_places->count > 0)
		qsort(ret_places->ranges, ret_places->count, sizeof *ret_places->ranges, compare_ranges);
	thread_stacks_clear(&stacks);
	return is_open;
}

void object_places_close(struct object_places *places)
{
	free(places->ranges);
	*places = (struct object_places){ .ranges = NULL };
}

enum object_place object_places_find(const struct object_places *places, uint64_t address)
{
	size_t low = 0, high = places->count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (places->ranges[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && address < places->ranges[low - 1].end ? places->ranges[low - 1].place : PLACE_HEAP;
}

bool object_places_allow(enum object_place place, const struct type_info *type)
{
	return place == PLACE_HEAP || !(type->flags & TYPE_IS_HEAP || type->tp_flags & TPFLAGS_BASE_EXC_SUBCLASS);
}
