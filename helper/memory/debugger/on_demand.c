/* SPDX-License-Identifier: MIT
 * windows: targets whose debugger cannot list mappings. Memory is taken to be there wherever a read succeeds:
 * the 4 GiB around a touched address become one lazy segment. */
#include "memory/space_source.h"

#include <sys/mman.h>

enum {
	WINDOW_SHIFT = 32,
	WINDOW_LIMIT =
	        64, /* in all 256 GiB of host address space, and a visited bitmap of at most 2 GiB (mostly untouched) */
	USER_ADDRESS_BITS = 47,
};

int windows_create(struct address_space *space, struct error *error)
{
	/* Segments do not move once they are handed out: room for all of them at once. */
	space->segments = calloc(WINDOW_LIMIT, sizeof *space->segments);
	if (space->segments == NULL)
		return error_set(error, ERROR_NO_MEMORY, "out of memory for windows on the target");
	space->source->on_demand = true;
	space->granule_count = (uint64_t)WINDOW_LIMIT << (WINDOW_SHIFT - 4);
	return OK;
}

static const struct segment *search(const struct address_space *space, size_t count, uint64_t start)
{
	for (size_t i = 0; i < count; i++)
		if (space->segments[i].start == start)
			return &space->segments[i];
	return NULL;
}

const struct segment *window_find(const struct address_space *space, uint64_t address)
{
	/* The one place where a space changes after opening: behind its const, under a lock, by appending. */
	struct address_space *growing = (struct address_space *)(uintptr_t)space;
	if (address >> USER_ADDRESS_BITS != 0)
		return NULL;
	uint64_t start = address >> WINDOW_SHIFT << WINDOW_SHIFT;
	const struct segment *found = search(space, __atomic_load_n(&space->segment_count, __ATOMIC_ACQUIRE), start);
	if (found != NULL)
		return found;
	pthread_mutex_lock(&space->source->lock);
	size_t count = space->segment_count;
	found = search(space, count, start);
	if (found == NULL && count < WINDOW_LIMIT) {
		struct segment window = { .protection = PROT_READ | PROT_WRITE,
			                  .writable_private = true,
			                  .first_bit = (uint64_t)count << (WINDOW_SHIFT - 4),
			                  .granule_mask = UINT64_MAX };
		if (lazy_blocks_create(space->source, start, start + (UINT64_C(1) << WINDOW_SHIFT), &window, NULL) >=
		    0) {
			growing->segments[count] = window;
			__atomic_store_n(&growing->segment_count, count + 1, __ATOMIC_RELEASE);
			found = &space->segments[count];
		}
	}
	pthread_mutex_unlock(&space->source->lock);
	return found;
}
