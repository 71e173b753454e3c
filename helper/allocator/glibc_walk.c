/* SPDX-License-Identifier: MIT */
#include "allocator/glibc_walk.h"

#include <stdlib.h>
#include <string.h>

#include "allocator/glibc_cached.h"
#include "allocator/glibc_chunks.h"
#include "base/bytes.h"

enum {
	PLACE_EVERY = 16, /* chunks: the place of one is kept */
	TRIM_HEAD = 48, /* mtrim() leaves the header of a free chunk and its links in the page: sizeof(struct
	                   malloc_chunk) */
	TRIM_FIRST_BIN = 99, /* bin_index(4096): only these are looked at, and the unsorted one */
	TOP_PAD = 33, /* MINSIZE + 1: what systrim() leaves of the top */
};

struct walker {
	struct glibc_walk *walk;
	struct reader reader;
	struct progress *progress;
	struct error *error;
	struct glibc_caches caches;
	uint64_t steps;
	/* Free chunks as their neighbours say, of the arena at hand. */
	uint64_t free_blocks, free_bytes;
};

static void refuse(struct glibc_walk *walk, const char *reason, uint64_t address)
{
	if (walk->refusal != NULL)
		return;
	walk->refusal = reason;
	walk->refused_at = address;
}

static int no_memory(struct walker *walker)
{
	return error_set(walker->error, ERROR_NO_MEMORY, "out of memory for the list of malloc's blocks");
}

/* ---- Chunks ---- */

static int note_chunk(struct walker *walker, struct glibc_heap_use *heap, uint64_t chunk, uint64_t bytes, bool in_use)
{
	if (!in_use) {
		walker->free_blocks++;
		walker->free_bytes += bytes;
		return OK;
	}
	const uint64_t address = chunk + GLIBC_CHUNK_HEADER;
	heap->used_blocks++;
	heap->used_bytes += bytes;
	if (glibc_may_be_cache(bytes) && !array_push(&walker->caches.candidates, address))
		return no_memory(walker);
	return OK;
}

static int walk_chunks(struct walker *walker, size_t number)
{
	struct glibc_walk *walk = walker->walk;
	const struct glibc_heap *heap = &walk->glibc->heaps.items[number];
	const uint64_t top = walk->glibc->arenas.items[heap->arena].top;
	uint64_t chunk = heap->first_chunk, bytes = 0, flags, pending = 0;
	for (uint32_t i = 0; !glibc_heap_ends_at(heap, &walker->reader, top, chunk); i++) {
		if (!glibc_chunk(&walker->reader, chunk, heap->end, &bytes, &flags)) {
			refuse(walk, "a heap's chunks do not end where they must", chunk);
			return OK;
		}
		if (i % PLACE_EVERY == 0 && !array_push(&walk->places, chunk))
			return no_memory(walker);
		if (pending != 0)
			TRY(note_chunk(walker, &walk->heaps.items[number], pending, chunk - pending,
			               (flags & GLIBC_PREV_INUSE) != 0));
		pending = chunk;
		chunk += bytes;
		if (progress_look(walker->progress, &walker->steps) != OK)
			return progress_cancelled(walker->error);
	}
	uint64_t last = GLIBC_PREV_INUSE;
	if (pending != 0 && chunk < heap->end)
		(void)reader_u64(&walker->reader, chunk + 8, &last);
	return pending != 0 ? note_chunk(walker, &walk->heaps.items[number], pending, chunk - pending,
	                                 (last & GLIBC_PREV_INUSE) != 0)
	                    : OK;
}

static int walk_heap(struct walker *walker, size_t number)
{
	struct glibc_heap_use *use = &walker->walk->heaps.items[number];
	use->first_place = walker->walk->places.count;
	const int status = walk_chunks(walker, number);
	use->place_count = walker->walk->places.count - use->first_place;
	return status;
}

/* ---- Bins ---- */

/* The part of a free chunk that mtrim() gives back. */
static int note_returnable(struct walker *walker, struct glibc_use *use, uint64_t chunk, uint64_t bytes)
{
	const uint64_t first = round_up(chunk + TRIM_HEAD, GLIBC_PAGE);
	if (bytes <= GLIBC_PAGE - 1 + TRIM_HEAD || first - chunk >= bytes)
		return OK;
	const uint64_t all = (bytes - (first - chunk)) & ~(uint64_t)(GLIBC_PAGE - 1);
	if (all == 0)
		return OK;
	use->returnable += all;
	return array_push(&walker->walk->returnable, (struct glibc_range){ first, first + all }) ? OK
	                                                                                         : no_memory(walker);
}

static int walk_bin(struct walker *walker, const struct glibc_arena *arena, unsigned bin, struct glibc_use *use)
{
	const uint64_t here = arena->address + walker->walk->glibc->state->bins + 16 * (uint64_t)(bin - 1) - 16;
	uint64_t chunk, before = here, bytes, flags, back;
	if (!reader_u64(&walker->reader, here + GLIBC_FD, &chunk))
		chunk = here;
	for (; chunk != here; before = chunk, (void)reader_u64(&walker->reader, chunk + GLIBC_FD, &chunk)) {
		if (use->free_blocks > walker->free_blocks ||
		    !glibc_chunk(&walker->reader, chunk, UINT64_MAX, &bytes, &flags) ||
		    !reader_u64(&walker->reader, chunk + GLIBC_BK, &back) || back != before) {
			refuse(walker->walk, "a bin of an arena is no ring", chunk);
			return OK;
		}
		use->free_blocks++;
		use->free_bytes += bytes;
		if (bin == 1 || bin >= TRIM_FIRST_BIN)
			TRY(note_returnable(walker, use, chunk, bytes));
		if (progress_look(walker->progress, &walker->steps) != OK)
			return progress_cancelled(walker->error);
	}
	return OK;
}

/* brk goes down by whole pages, less what is kept. */
static int note_top(struct walker *walker, const struct glibc_arena *arena, struct glibc_use *use)
{
	uint64_t bytes, flags;
	if (!glibc_chunk(&walker->reader, arena->top, UINT64_MAX, &bytes, &flags))
		return OK;
	use->top_bytes = bytes;
	use->free_blocks++;
	use->free_bytes += bytes;
	const uint64_t all = bytes > TOP_PAD ? (bytes - TOP_PAD) & ~(uint64_t)(GLIBC_PAGE - 1) : 0;
	if (!arena->is_main || arena->is_noncontiguous || all == 0)
		return OK;
	const uint64_t end = arena->top + bytes;
	use->returnable += all;
	return array_push(&walker->walk->returnable, (struct glibc_range){ end - all, end }) ? OK : no_memory(walker);
}

static int walk_arena(struct walker *walker, uint32_t number)
{
	struct glibc_walk *walk = walker->walk;
	const struct glibc_arena *arena = &walk->glibc->arenas.items[number];
	struct glibc_use *use = &walk->arenas.items[number];
	uint64_t mapped = 0;
	walker->free_blocks = walker->free_bytes = 0;
	for (size_t i = 0; i < walk->glibc->heaps.count; i++)
		if (walk->glibc->heaps.items[i].arena == number) {
			mapped += walk->glibc->heaps.items[i].end - walk->glibc->heaps.items[i].start;
			TRY(walk_heap(walker, i));
		}
	use->system = arena->system_mem;
	if (mapped != arena->system_mem)
		refuse(walk, "an arena's heaps are not all that it has from the system", arena->address);
	for (unsigned i = 1; i <= GLIBC_BINS && walk->refusal == NULL; i++)
		TRY(walk_bin(walker, arena, i, use));
	if (use->free_blocks != walker->free_blocks || use->free_bytes != walker->free_bytes)
		refuse(walk, "the free chunks of an arena are not those in its bins", arena->address);
	return note_top(walker, arena, use);
}

/* Takes what is cached out of what heaps have in use. Where two lists have a chunk it counts once. */
static void drop_cached(struct glibc_walk *walk, struct reader *reader)
{
	for (size_t i = 0; i < walk->cached.count; i++) {
		const uint64_t address = walk->cached.items[i];
		struct glibc_chunk chunk;
		size_t heap;
		if ((i > 0 && walk->cached.items[i - 1] == address) ||
		    !glibc_walk_at(walk, reader, address, &chunk, &heap) || chunk.address != address)
			continue;
		walk->heaps.items[heap].used_blocks--;
		walk->heaps.items[heap].used_bytes -= chunk.bytes;
	}
}

static void sum_up(struct glibc_walk *walk)
{
	for (size_t i = 0; i < walk->glibc->heaps.count; i++) {
		struct glibc_use *use = &walk->arenas.items[walk->glibc->heaps.items[i].arena];
		use->used_blocks += walk->heaps.items[i].used_blocks;
		use->used_bytes += walk->heaps.items[i].used_bytes;
	}
	for (size_t i = 0; i < walk->arenas.count; i++) {
		const struct glibc_use *use = &walk->arenas.items[i];
		walk->all.system += use->system;
		walk->all.free_blocks += use->free_blocks;
		walk->all.free_bytes += use->free_bytes;
		walk->all.fast_blocks += use->fast_blocks;
		walk->all.fast_bytes += use->fast_bytes;
		walk->all.cached_blocks += use->cached_blocks;
		walk->all.cached_bytes += use->cached_bytes;
		walk->all.used_blocks += use->used_blocks;
		walk->all.used_bytes += use->used_bytes;
		walk->all.returnable += use->returnable;
	}
	if (walk->arenas.count > 0)
		walk->all.top_bytes = walk->arenas.items[0].top_bytes;
}

static int walk_all(struct walker *walker)
{
	struct glibc_walk *walk = walker->walk;
	const struct glibc *glibc = walk->glibc;
	if (!array_reserve(&walk->arenas, glibc->arenas.count) || !array_reserve(&walk->heaps, glibc->heaps.count + 1))
		return no_memory(walker);
	memset(walk->arenas.items, 0, glibc->arenas.count * sizeof *walk->arenas.items);
	memset(walk->heaps.items, 0, glibc->heaps.count * sizeof *walk->heaps.items);
	walk->arenas.count = glibc->arenas.count;
	walk->heaps.count = glibc->heaps.count;
	for (uint32_t i = 0; i < glibc->arenas.count && walk->refusal == NULL; i++)
		TRY(walk_arena(walker, i));
	if (walk->refusal == NULL)
		TRY(glibc_find_cached(&walker->caches, walker->error));
	return OK;
}

int glibc_walk_heaps(struct glibc_walk *walk, const struct glibc *glibc, const struct address_space *space,
                     struct progress *progress, struct error *error)
{
	*walk = (struct glibc_walk){ .glibc = glibc };
	struct walker walker = { .walk = walk, .progress = progress, .error = error };
	reader_init(&walker.reader, space);
	walker.caches.walk = walk;
	walker.caches.reader = &walker.reader;
	int status = walk_all(&walker);
	array_free(&walker.caches.candidates);
	if (status != OK) {
		glibc_walk_clear(walk);
		return status;
	}
	drop_cached(walk, &walker.reader);
	sum_up(walk);
	walk->is_confirmed = walk->refusal == NULL;
	return OK;
}

void glibc_walk_clear(struct glibc_walk *walk)
{
	array_free(&walk->places);
	array_free(&walk->mapped);
	array_free(&walk->arenas);
	array_free(&walk->heaps);
	array_free(&walk->returnable);
	array_free(&walk->cached);
}

/* ---- Chunks in pages of their own ---- */

/* Where in a page the chunk of an aligned block may begin: malloc() 0, memalign(32) 16, ... memalign(4096) 4080. */
static const uint16_t mapped_places[] = { 0, 16, 48, 112, 240, 496, 1008, 2032, 4080 };

static uint64_t mapped_at(const struct glibc *glibc, struct reader *reader, uint64_t page, uint64_t end,
                          struct glibc_chunk *ret_chunk)
{
	for (size_t i = 0; i < sizeof mapped_places / sizeof *mapped_places; i++) {
		const uint64_t chunk = page + mapped_places[i];
		const uint8_t *head = reader_at(reader, chunk, GLIBC_CHUNK_HEADER);
		if (head == NULL || load_u64(head) != mapped_places[i] ||
		    (load_u64(head + 8) & GLIBC_FLAGS) != GLIBC_IS_MMAPPED)
			continue;
		const uint64_t bytes = load_u64(head + 8) & ~(uint64_t)GLIBC_FLAGS;
		const uint64_t all = bytes + mapped_places[i] + glibc->par->mmapped_left_out;
		if (bytes < GLIBC_CHUNK_SMALLEST || bytes > end - page || all % GLIBC_PAGE != 0 || all > end - page)
			continue;
		*ret_chunk = (struct glibc_chunk){ chunk + GLIBC_CHUNK_HEADER, all };
		return all;
	}
	return 0;
}

int glibc_walk_mapped(struct glibc_walk *walk, struct reader *reader, uint64_t start, uint64_t end,
                      const struct progress *progress, struct error *error)
{
	uint64_t steps = 0;
	for (uint64_t page = round_up(start, GLIBC_PAGE); page < end && end - page >= GLIBC_PAGE;) {
		struct glibc_chunk chunk;
		const uint64_t bytes = mapped_at(walk->glibc, reader, page, end, &chunk);
		if (progress_look(progress, &steps) < 0)
			return progress_cancelled(error);
		page += bytes != 0 ? bytes : GLIBC_PAGE;
		if (bytes == 0)
			continue;
		walk->mapped_found_bytes += bytes;
		if (!array_push(&walk->mapped, chunk))
			return error_set(error, ERROR_NO_MEMORY,
			                 "out of memory for malloc's blocks of their own pages");
	}
	return OK;
}

void glibc_walk_check_mapped(struct glibc_walk *walk)
{
	/* mremap_chunk() of 2.43 counts 16 bytes too many each time. */
	const struct glibc *glibc = walk->glibc;
	const uint64_t counted = glibc->mapped_bytes, found = walk->mapped_found_bytes;
	const bool fits =
	        glibc->par->mmapped_left_out == 0 ? counted == found : counted >= found && (counted - found) % 16 == 0;
	if (walk->mapped.count != glibc->mapped_count || !fits) {
		refuse(walk, "the chunks with pages of their own are not those that malloc counts", glibc->par_address);
		walk->is_confirmed = false;
	}
}
