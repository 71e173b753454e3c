/* SPDX-License-Identifier: MIT
 * A thread's cache is found among the chunks in use, by its size, and believed if each of its lists has as many chunks
 * as it counts, all of the list's size: no thread register is needed, and threads of C are found too. A cache whose
 * lists are all empty hides nothing. */
#include "allocator/glibc_cached.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/limits.h"

enum {
	SAFE_SHIFT = 12, /* PROTECT_PTR: a link is xor-ed with the page of its place */
	LARGE_CACHED_MOST = 4 << 20, /* MAX_TCACHE_LARGE_SIZE, 2.42 */
	FAST_SMALLEST = 32,
};

typedef ARRAY(uint64_t) address_array;

bool glibc_may_be_cache(uint64_t chunk_bytes)
{
	for (unsigned i = 0; i < glibc_tcache_layout_count; i++)
		if (chunk_bytes == glibc_tcache_layouts[i].chunk_bytes)
			return true;
	return false;
}

static const struct glibc_tcache_layout *layout_of(struct reader *reader, uint64_t cache)
{
	uint64_t word;
	if (!reader_u64(reader, cache - 8, &word))
		return NULL;
	for (unsigned i = 0; i < glibc_tcache_layout_count; i++)
		if ((word & ~(uint64_t)GLIBC_FLAGS) == glibc_tcache_layouts[i].chunk_bytes)
			return &glibc_tcache_layouts[i];
	return NULL;
}

static bool next_of(struct reader *reader, uint64_t place, enum glibc_links links, uint64_t *ret_next)
{
	if (!reader_u64(reader, place, ret_next))
		return false;
	if (links == GLIBC_LINKS_SAFE)
		*ret_next ^= place >> SAFE_SHIFT;
	return *ret_next % GLIBC_CHUNK_ALIGNMENT == 0;
}

/* Chunks of one list of a cache from `entry` on, appended to *found with their sizes summed; false: it is none. */
static bool follow_list(const struct glibc_caches *caches, uint64_t entry, uint64_t chunk_bytes, address_array *found,
                        uint64_t *ret_count)
{
	*ret_count = 0;
	for (uint64_t next; entry != 0; entry = next) {
		uint64_t word;
		if (*ret_count >= LIMIT_MALLOC_CACHED || entry % GLIBC_CHUNK_ALIGNMENT != 0 ||
		    !reader_u64(caches->reader, entry - 8, &word))
			return false;
		word &= ~(uint64_t)GLIBC_FLAGS;
		if (chunk_bytes != 0 ? word != chunk_bytes
		                     : word < GLIBC_CHUNK_SMALLEST || word > LARGE_CACHED_MOST + GLIBC_PAGE)
			return false;
		if (!next_of(caches->reader, entry, caches->links, &next) || !array_push(found, entry))
			return false;
		++*ret_count;
	}
	return true;
}

/* How many chunks the cache says it has in a list; since 2.42 it counts the places left, of as many as malloc_par says
 * or, for large chunks, of none. */
static bool count_fits(const struct glibc_caches *caches, const struct glibc_tcache_layout *layout,
                       const uint8_t *bytes, unsigned bin, uint64_t found)
{
	const uint64_t counted = layout->count_bytes == 1 ? bytes[bin] : load_u16(bytes + 2 * (uint64_t)bin);
	if (!layout->counts_down)
		return found == counted;
	const uint64_t most = caches->walk->glibc->tcache_count;
	return found + counted == most || (bin >= layout->small_bins && found == ((uint16_t)(0 - counted)));
}

/* True: the candidate is a cache, or nothing that hides chunks. */
static bool read_cache(const struct glibc_caches *caches, uint64_t cache, address_array *found)
{
	const struct glibc_tcache_layout *layout = layout_of(caches->reader, cache);
	const uint8_t *bytes =
	        layout != NULL ? reader_at(caches->reader, cache, layout->entries + 8 * (uint64_t)layout->bins) : NULL;
	const size_t before = found->count;
	for (unsigned i = 0; bytes != NULL && i < layout->bins; i++) {
		const uint64_t entry = load_u64(bytes + layout->entries + 8 * (uint64_t)i);
		const uint64_t size = i < layout->small_bins ? GLIBC_CHUNK_SMALLEST + 16 * (uint64_t)i : 0;
		uint64_t count;
		if (follow_list(caches, entry, size, found, &count) &&
		    (entry == 0 || count_fits(caches, layout, bytes, i, count)))
			continue;
		found->count = before;
		return false;
	}
	return bytes != NULL;
}

static bool read_fast_bins(const struct glibc_caches *caches, const struct glibc_arena *arena, address_array *found)
{
	const struct glibc_state_layout *layout = caches->walk->glibc->state;
	for (unsigned i = 0; layout->fast_bins != 0 && i < GLIBC_FAST_BINS; i++) {
		uint64_t chunk;
		if (!reader_u64(caches->reader, arena->address + layout->fast_bins + 8 * (uint64_t)i, &chunk))
			return false;
		for (uint64_t count = 0, next; chunk != 0; chunk = next) {
			uint64_t word;
			if (++count > LIMIT_MALLOC_CACHED || !reader_u64(caches->reader, chunk + 8, &word) ||
			    (word & ~(uint64_t)GLIBC_FLAGS) != FAST_SMALLEST + 16 * (uint64_t)i ||
			    !next_of(caches->reader, chunk + GLIBC_FD, caches->links, &next) ||
			    !array_push(found, chunk + GLIBC_CHUNK_HEADER))
				return false;
		}
	}
	return true;
}

/* How many chunks are found when links are read one way; SIZE_MAX: a fast bin is broken then. */
static size_t try_links(struct glibc_caches *caches, enum glibc_links links, address_array *found)
{
	const struct glibc *glibc = caches->walk->glibc;
	found->count = 0;
	caches->links = links;
	for (size_t i = 0; i < glibc->arenas.count; i++)
		if (!read_fast_bins(caches, &glibc->arenas.items[i], found))
			return SIZE_MAX;
	for (size_t i = 0; i < caches->candidates.count; i++)
		(void)read_cache(caches, caches->candidates.items[i], found);
	return found->count;
}

static int compare_addresses(const void *left, const void *right)
{
	const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
	return a < b ? -1 : a > b;
}

/* Sums of what caches and fast bins hold, by arena. */
static void sum_up(struct glibc_caches *caches, const address_array *found, uint64_t fast)
{
	struct glibc_walk *walk = caches->walk;
	for (size_t i = 0; i < found->count; i++) {
		uint64_t word;
		if (!reader_u64(caches->reader, found->items[i] - 8, &word))
			continue;
		const struct glibc_heap *heap = glibc_heap_at(walk->glibc, found->items[i]);
		struct glibc_use *use = &walk->arenas.items[heap != NULL ? heap->arena : 0];
		*(i < fast ? &use->fast_blocks : &use->cached_blocks) += 1;
		*(i < fast ? &use->fast_bytes : &use->cached_bytes) += word & ~(uint64_t)GLIBC_FLAGS;
	}
}

int glibc_find_cached(struct glibc_caches *caches, struct error *error)
{
	struct glibc_walk *walk = caches->walk;
	const struct glibc *glibc = walk->glibc;
	address_array found = { .items = NULL };
	const size_t safe = try_links(caches, GLIBC_LINKS_SAFE, &found);
	const size_t plain = try_links(caches, GLIBC_LINKS_PLAIN, &found);
	/* Lists of one chunk end alike in both ways only if nothing is mixed in. */
	const bool is_safe = plain == SIZE_MAX || (safe != SIZE_MAX && safe > plain);
	if (try_links(caches, is_safe ? GLIBC_LINKS_SAFE : GLIBC_LINKS_PLAIN, &found) == SIZE_MAX) {
		walk->refusal = "a fast bin of an arena is broken";
		array_free(&found);
		return OK;
	}
	/* Fast bins come first. */
	size_t fast = 0;
	address_array only_fast = { .items = NULL };
	for (size_t i = 0; i < glibc->arenas.count; i++)
		(void)read_fast_bins(caches, &glibc->arenas.items[i], &only_fast);
	fast = only_fast.count;
	array_free(&only_fast);
	sum_up(caches, &found, fast);
	if (found.count > 0)
		qsort(found.items, found.count, sizeof *found.items, compare_addresses);
	walk->cached.items = found.items;
	walk->cached.count = found.count;
	walk->cached.capacity = found.capacity;
	(void)error;
	return OK;
}
