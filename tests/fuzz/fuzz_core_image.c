/* SPDX-License-Identifier: MIT
 * The core reader: headers, notes, mapped files and segments of bytes that are no sound core; then looks for a Python
 * in what came out. */
#include <stdlib.h>

#include "base/error.h"
#include "fuzz.h"
#include "memory/address_space.h"
#include "runtime/runtime.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct address_space *space;
	struct error error = { 0 };
	if (address_space_open_core_image(&space, bytes, size, &error) != OK)
		return 0;
	uint64_t sum = 0;
	struct reader reader;
	reader_init(&reader, space);
	for (size_t i = 0; i < space->segment_count; i++) {
		const struct segment *segment = &space->segments[i];
		const uint64_t length = segment->end - segment->start;
		/* The first and the last byte, and what lies across the end. */
		const uint8_t *at = reader_at(&reader, segment->start, 1);
		sum += at != NULL ? *at : 0;
		at = reader_at(&reader, segment->end - 1, 1);
		sum += at != NULL ? *at : 0;
		if (length >= 8 && reader_at(&reader, segment->end - 4, 8) != NULL)
			abort();
	}
	struct runtime *runtime;
	const struct runtime_options options = { .ignore_dwarf = true };
	if (runtime_open(&runtime, space, &options, &error) == OK)
		runtime_close(runtime);
	address_space_close(space);
	return sum == UINT64_MAX;
}
