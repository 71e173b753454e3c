/* SPDX-License-Identifier: MIT */
#include "memory/space_source.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "memory/files/map_guard.h"

void address_space_warn(struct address_space *space, const char *format, ...)
{
	char *sentence = NULL;
	va_list arguments;
	va_start(arguments, format);
	if (vasprintf(&sentence, format, arguments) < 0)
		sentence = NULL;
	va_end(arguments);
	if (sentence != NULL && !array_push(&space->warnings, sentence))
		free(sentence);
}

void address_space_lose(struct address_space *space)
{
	if (space->warnings.count > 0)
		(void)array_push(&space->losses, space->warnings.items[space->warnings.count - 1]);
}

int space_source_keep_map(struct space_source *source, void *address, size_t bytes, struct error *error)
{
	if (map_guard_add(address, bytes, &source->is_cut) &&
	    array_push(&source->maps, (struct host_map){ .address = address, .bytes = bytes }))
		return OK;
	map_guard_remove(address);
	(void)munmap(address, bytes);
	return error_set(error, ERROR_NO_MEMORY, "out of memory for a mapped file");
}

static void coverage_add(struct memory_coverage *coverage, const struct segment *segment)
{
	uint64_t bytes = segment->end - segment->start;
	coverage->mapped += bytes;
	if (segment->data != NULL) {
		*(segment->from_file ? &coverage->from_files : &coverage->present) += bytes;
		return;
	}
	if (segment->writable_private)
		coverage->writable_absent += bytes;
	switch (segment->absent) {
	case ABSENT_TRUNCATED:
		coverage->absent_truncated += bytes;
		break;
	case ABSENT_NO_FILE:
		coverage->absent_no_file += bytes;
		break;
	case ABSENT_OTHER_FILE:
		coverage->absent_other_file += bytes;
		break;
	case ABSENT_UNREADABLE:
		coverage->absent_unreadable += bytes;
		break;
	default:
		coverage->absent_not_dumped += bytes;
	}
}

/* Numbers the granules and sums up. Segments are disjoint, so no sum here can exceed 2^64. */
static void segments_measure(struct address_space *space)
{
	uint64_t bit = 0;
	uint64_t file_size = space->coverage.file_size, expected = space->coverage.file_expected_size;
	space->coverage = (struct memory_coverage){ .file_size = file_size, .file_expected_size = expected };
	for (size_t i = 0; i < space->segment_count; i++) {
		struct segment *segment = &space->segments[i];
		segment->first_bit = bit;
		segment->granule_mask = segment->data != NULL ? UINT64_MAX : 0;
		bit += segment_granule(segment, segment->end - 1) - segment->first_bit + 1;
		coverage_add(&space->coverage, segment);
	}
	space->granule_count = bit;
}

int address_space_set_segments(struct address_space *space, const struct segment *claims, size_t claim_count,
                               struct error *error)
{
	struct segment *segments;
	size_t count;
	TRY(segment_list_resolve(claims, claim_count, &segments, &count, error));
	segment_index_free(space);
	free(space->segments);
	space->segments = segments;
	space->segment_count = count;
	segments_measure(space);
	return segment_index_build(space, error);
}
