/* SPDX-License-Identifier: MIT */
#include "allocator/glibc_chunks.h"

enum {
	FENCE_MOST = 32, /* what a heap that is full keeps at its end */
};

bool glibc_heap_ends_at(const struct glibc_heap *heap, struct reader *reader, uint64_t top, uint64_t chunk)
{
	uint64_t word;
	if (chunk == top || chunk >= heap->end)
		return true;
	return heap->end - chunk <= FENCE_MOST && reader_u64(reader, chunk + 8, &word) &&
	       (word & ~(uint64_t)GLIBC_FLAGS) <= GLIBC_CHUNK_HEADER;
}

/* The last chunk of a heap whose place the walk has, at most `chunk`; its first one if there is none. */
static uint64_t place_before(const struct glibc_walk *walk, size_t heap, uint64_t chunk)
{
	const struct glibc_heap_use *use = &walk->heaps.items[heap];
	size_t low = use->first_place, high = low + use->place_count;
	while (low < high) {
		const size_t middle = (low + high) / 2;
		if (walk->places.items[middle] <= chunk)
			low = middle + 1;
		else
			high = middle;
	}
	return low > use->first_place ? walk->places.items[low - 1] : walk->glibc->heaps.items[heap].first_chunk;
}

static size_t first_cached(const struct glibc_walk *walk, uint64_t address)
{
	size_t low = 0, high = walk->cached.count;
	while (low < high) {
		const size_t middle = (low + high) / 2;
		if (walk->cached.items[middle] < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Whether the chunk before `next`, which is in the heap or its end, is in use. */
static bool is_used(const struct glibc_heap *heap, struct reader *reader, uint64_t next, uint64_t *ret_word)
{
	*ret_word = GLIBC_PREV_INUSE;
	if (next < heap->end && !reader_u64(reader, next + 8, ret_word))
		return false;
	return (*ret_word & GLIBC_PREV_INUSE) != 0;
}

void glibc_cursor_init(struct glibc_cursor *cursor, const struct glibc_walk *walk, struct reader *reader, uint64_t from)
{
	const struct glibc *glibc = walk->glibc;
	*cursor = (struct glibc_cursor){ .walk = walk, .reader = reader };
	cursor->heap = array_first_not_below(&glibc->heaps, end, from);
	if (cursor->heap == glibc->heaps.count)
		return;
	cursor->chunk = place_before(walk, cursor->heap, from);
	cursor->cached = first_cached(walk, cursor->chunk);
}

static bool next_heap(struct glibc_cursor *cursor)
{
	const struct glibc *glibc = cursor->walk->glibc;
	if (++cursor->heap >= glibc->heaps.count)
		return false;
	cursor->chunk = glibc->heaps.items[cursor->heap].first_chunk;
	cursor->bytes = 0;
	return true;
}

/* Whether the chunk whose memory begins at address waits in a thread's cache or a fast bin. */
static bool is_cached(struct glibc_cursor *cursor, uint64_t address)
{
	const struct glibc_walk *walk = cursor->walk;
	while (cursor->cached < walk->cached.count && walk->cached.items[cursor->cached] < address)
		cursor->cached++;
	return cursor->cached < walk->cached.count && walk->cached.items[cursor->cached] == address;
}

bool glibc_cursor_next(struct glibc_cursor *cursor, struct glibc_chunk *ret_chunk)
{
	const struct glibc *glibc = cursor->walk->glibc;
	while (cursor->heap < glibc->heaps.count) {
		const struct glibc_heap *heap = &glibc->heaps.items[cursor->heap];
		const uint64_t chunk = cursor->chunk, top = glibc->arenas.items[heap->arena].top;
		uint64_t flags, word;
		if (glibc_heap_ends_at(heap, cursor->reader, top, chunk) ||
		    ((cursor->bytes < GLIBC_CHUNK_SMALLEST || cursor->bytes > heap->end - chunk) &&
		     !glibc_chunk(cursor->reader, chunk, heap->end, &cursor->bytes, &flags))) {
			if (!next_heap(cursor))
				return false;
			continue;
		}
		const uint64_t bytes = cursor->bytes;
		const bool in_use = is_used(heap, cursor->reader, chunk + bytes, &word);
		cursor->chunk = chunk + bytes;
		cursor->bytes = word & ~(uint64_t)GLIBC_FLAGS;
		if (!in_use || is_cached(cursor, chunk + GLIBC_CHUNK_HEADER))
			continue;
		*ret_chunk = (struct glibc_chunk){ chunk + GLIBC_CHUNK_HEADER, bytes };
		return true;
	}
	return false;
}

static bool holds(const struct glibc_chunk *chunk, uint64_t address)
{
	return address >= chunk->address && address - chunk->address < chunk->bytes - GLIBC_CHUNK_HEADER / 2;
}

static bool find_mapped(const struct glibc_walk *walk, uint64_t address, struct glibc_chunk *ret_chunk)
{
	const size_t after = array_first_not_below(&walk->mapped, address, address + 1);
	if (after == 0 || !holds(&walk->mapped.items[after - 1], address))
		return false;
	*ret_chunk = walk->mapped.items[after - 1];
	return true;
}

bool glibc_walk_at(const struct glibc_walk *walk, struct reader *reader, uint64_t address,
                   struct glibc_chunk *ret_chunk, size_t *ret_heap)
{
	const struct glibc_heap *heap = glibc_heap_at(walk->glibc, address - GLIBC_CHUNK_HEADER);
	const uint64_t last = address - GLIBC_CHUNK_HEADER;
	*ret_heap = heap != NULL ? (size_t)(heap - walk->glibc->heaps.items) : 0;
	if (heap == NULL || walk->heaps.items[*ret_heap].place_count == 0)
		return false;
	const uint64_t top = walk->glibc->arenas.items[heap->arena].top;
	uint64_t chunk = place_before(walk, *ret_heap, last), bytes, flags, word;
	while (chunk <= last && !glibc_heap_ends_at(heap, reader, top, chunk) &&
	       glibc_chunk(reader, chunk, heap->end, &bytes, &flags)) {
		if (bytes <= last - chunk) {
			chunk += bytes;
			continue;
		}
		*ret_chunk = (struct glibc_chunk){ chunk + GLIBC_CHUNK_HEADER, bytes };
		return holds(ret_chunk, address) && is_used(heap, reader, chunk + bytes, &word);
	}
	return false;
}

bool glibc_walk_find(const struct glibc_walk *walk, struct reader *reader, uint64_t address,
                     struct glibc_chunk *ret_chunk)
{
	size_t heap;
	if (!glibc_walk_at(walk, reader, address, ret_chunk, &heap))
		return find_mapped(walk, address, ret_chunk);
	const size_t cached = first_cached(walk, ret_chunk->address);
	return cached == walk->cached.count || walk->cached.items[cached] != ret_chunk->address;
}
