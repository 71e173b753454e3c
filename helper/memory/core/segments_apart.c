/* SPDX-License-Identifier: MIT */
#include "memory/core/segments_apart.h"

#include <stdlib.h>
#include <string.h>

int segments_apart_set(struct address_space *space, struct error *error)
{
	if (space->coverage.present + space->coverage.from_files > SEGMENTS_APART_MOST)
		return OK;
	for (size_t i = 0; i < space->segment_count; i++) {
		struct segment *segment = &space->segments[i];
		const size_t bytes = (size_t)(segment->end - segment->start);
		if (segment->data == NULL || segment->lazy != NULL)
			continue;
		uint8_t *copy = malloc(bytes);
		if (copy == NULL || !array_push(&space->source->copies, copy)) {
			free(copy);
			return error_set(error, ERROR_NO_MEMORY, "out of memory for a copy of the core");
		}
		segment->data = memcpy(copy, segment->data, bytes);
	}
	return OK;
}
