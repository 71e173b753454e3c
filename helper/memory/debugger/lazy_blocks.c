/* SPDX-License-Identifier: MIT
 * lazy_blocks: a private copy of a live target's memory that fills itself on first touch, 64 KiB at a
 * time. Pages that the target refuses are remembered and never asked for again, so that a torn or
 * vanished mapping costs one request. */
#include "memory/space_source.h"

#include <string.h>
#include <sys/mman.h>

static void *reserve(uint64_t bytes)
{
	if (bytes == 0 || bytes > SIZE_MAX / 2)
		return NULL;
	void *address =
	        mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return address == MAP_FAILED ? NULL : address;
}

static uint64_t block_count(const struct lazy_blocks *lazy)
{
	return (lazy->end - lazy->base + LAZY_BLOCK_BYTES - 1) / LAZY_BLOCK_BYTES;
}

int lazy_blocks_create(struct space_source *source, uint64_t start, uint64_t end, struct segment *segment,
                       struct error *error)
{
	if (start >= end || end > UINT64_MAX - LAZY_BLOCK_BYTES)
		return error_set(error, ERROR_ARGUMENT, "impossible memory range %#lx-%#lx", start, end);
	struct lazy_blocks *lazy = calloc(1, sizeof *lazy);
	if (lazy == NULL)
		return error_set(error, ERROR_NO_MEMORY, "out of memory for memory range %#lx-%#lx", start, end);
	lazy->start = start;
	lazy->end = end;
	lazy->base = start & ~(uint64_t)(LAZY_BLOCK_BYTES - 1);
	lazy->host = reserve(end - lazy->base);
	lazy->states = reserve(block_count(lazy) * sizeof *lazy->states);
	if (lazy->host == NULL || lazy->states == NULL || !array_push(&source->lazy, lazy)) {
		lazy_blocks_destroy(lazy);
		return error_set(error, ERROR_NO_MEMORY,
		                 "cannot reserve %lu MiB of address space to copy %#lx-%#lx into; "
		                 "raise the limit on virtual memory (ulimit -v)",
		                 (end - start) >> 20, start, end);
	}
	segment->start = start;
	segment->end = end;
	segment->data = lazy->host + (start - lazy->base);
	segment->lazy = lazy;
	segment->absent = ABSENT_NOT;
	return OK;
}

void lazy_blocks_destroy(struct lazy_blocks *lazy)
{
	if (lazy == NULL)
		return;
	if (lazy->states != NULL)
		(void)munmap(lazy->states, block_count(lazy) * sizeof *lazy->states);
	if (lazy->host != NULL)
		(void)munmap(lazy->host, lazy->end - lazy->base);
	free(lazy);
}

#ifndef MADV_POPULATE_WRITE /* Linux 5.14 */
#define MADV_POPULATE_WRITE 23
#endif

static bool read_range(const struct space_source *source, const struct lazy_blocks *lazy, uint64_t start, uint64_t end)
{
	return source->read(source->context, start, lazy->host + (start - lazy->base), end - start) == end - start;
}

/* Asks the target for one block, whole and then by page. Called under the source's lock. */
static uint32_t ask(const struct space_source *source, const struct lazy_blocks *lazy, uint64_t block)
{
	uint64_t begin = lazy->base + block * LAZY_BLOCK_BYTES;
	uint64_t start = begin > lazy->start ? begin : lazy->start;
	uint64_t end = begin + LAZY_BLOCK_BYTES < lazy->end ? begin + LAZY_BLOCK_BYTES : lazy->end;
	/* All pages of the block at once instead of a fault for each; where the kernel cannot, they fault. */
	uint64_t first = (start - lazy->base) & ~(uint64_t)(LAZY_PAGE_BYTES - 1);
	(void)madvise(lazy->host + first, end - lazy->base - first, MADV_POPULATE_WRITE);
	if (read_range(source, lazy, start, end))
		return LAZY_ASKED | ((UINT32_C(1) << LAZY_PAGES) - 1);
	uint32_t state = LAZY_ASKED;
	for (unsigned page = 0; page < LAZY_PAGES; page++) {
		uint64_t from = begin + page * LAZY_PAGE_BYTES, to = from + LAZY_PAGE_BYTES;
		if (from < start)
			from = start;
		if (to > end)
			to = end;
		if (from < to && read_range(source, lazy, from, to))
			state |= UINT32_C(1) << page;
	}
	return state;
}

static uint32_t block_state(const struct address_space *space, const struct lazy_blocks *lazy, uint64_t block)
{
	uint32_t state = atomic_load_explicit(&lazy->states[block], memory_order_acquire);
	if (state & LAZY_ASKED)
		return state;
	struct space_source *source = space->source;
	pthread_mutex_lock(&source->lock);
	state = atomic_load_explicit(&lazy->states[block], memory_order_relaxed);
	/* What is not asked for stays to be asked for. */
	if (!(state & LAZY_ASKED) && budget_take(&source->budget, LAZY_BLOCK_BYTES)) {
		state = ask(source, lazy, block);
		atomic_store_explicit(&lazy->states[block], state, memory_order_release);
	}
	pthread_mutex_unlock(&source->lock);
	return state;
}

bool segment_fetch(const struct address_space *space, const struct segment *segment, uint64_t address, uint64_t size)
{
	const struct lazy_blocks *lazy = segment->lazy;
	if (address < segment->start || address >= segment->end || size > segment->end - address)
		return false;
	if (lazy == NULL || size == 0)
		return segment->data != NULL;
	uint64_t last = address + size - 1;
	for (uint64_t block = (address - lazy->base) / LAZY_BLOCK_BYTES;
	     block <= (last - lazy->base) / LAZY_BLOCK_BYTES; block++) {
		uint64_t begin = lazy->base + block * LAZY_BLOCK_BYTES;
		unsigned first_page = address > begin ? (unsigned)((address - begin) / LAZY_PAGE_BYTES) : 0;
		unsigned last_page =
		        last - begin < LAZY_BLOCK_BYTES ? (unsigned)((last - begin) / LAZY_PAGE_BYTES) : LAZY_PAGES - 1;
		uint32_t wanted = ((UINT32_C(2) << last_page) - 1) & ~((UINT32_C(1) << first_page) - 1);
		if ((block_state(space, lazy, block) & wanted) != wanted)
			return false;
	}
	return true;
}

/* Pages that the kernel shares with every process; reading them from outside fails or means nothing. */
static bool is_skipped(const struct memory_mapping *mapping)
{
	return mapping->start >= mapping->end || (mapping->path != NULL && (strcmp(mapping->path, "[vsyscall]") == 0 ||
	                                                                    strncmp(mapping->path, "[vvar", 5) == 0));
}

/* Shadow memory of sanitizers and reservations of that kind: as large as what we could reserve ourselves, and no heap.
 */
#define GIANT_BYTES (UINT64_C(1) << 40)

/* Host memory for one segment; a giant one that cannot have any stays absent. */
static int make_lazy(struct address_space *space, struct segment *segment, struct error *error)
{
	if (segment->protection == 0 || segment->data != NULL || segment->absent != ABSENT_UNREADABLE)
		return OK;
	int status = lazy_blocks_create(space->source, segment->start, segment->end, segment, error);
	if (status >= 0 || segment->end - segment->start < GIANT_BYTES)
		return status;
	if (error != NULL)
		error_clear(error);
	address_space_warn(space, "the mapping %#lx-%#lx (%lu GiB) is too large to be read and counts as absent",
	                   segment->start, segment->end, (segment->end - segment->start) >> 30);
	segment->writable_private = false;
	return OK;
}

int lazy_claims_create(struct address_space *space, const struct segment *given, size_t given_count,
                       struct error *error)
{
	ARRAY(struct segment) claims = { .items = NULL };
	TRY(address_space_set_segments(space, given, given_count, error));
	/* Overlaps are gone and neighbours of one kind are one: now each gets its host memory. */
	int status = OK;
	for (size_t i = 0; i < space->segment_count && status >= 0; i++) {
		struct segment claim = space->segments[i];
		status = make_lazy(space, &claim, error);
		if (status >= 0 && !array_push(&claims, claim))
			status = error_set(error, ERROR_NO_MEMORY, "out of memory for %zu mappings", given_count);
	}
	if (status >= 0)
		status = address_space_set_segments(space, claims.items, claims.count, error);
	array_free(&claims);
	return status;
}

int lazy_segments_create(struct address_space *space, const struct memory_mapping *mappings, size_t mapping_count,
                         struct error *error)
{
	ARRAY(struct segment) claims = { .items = NULL };
	int status = OK;
	for (size_t i = 0; i < mapping_count && status >= 0; i++) {
		const struct memory_mapping *mapping = &mappings[i];
		if (is_skipped(mapping))
			continue;
		struct segment claim = { .start = mapping->start,
			                 .end = mapping->end,
			                 .protection = mapping->protection,
			                 .absent = ABSENT_UNREADABLE,
			                 .writable_private =
			                         (mapping->protection & PROT_WRITE) != 0 && !mapping->is_shared };
		if (!array_push(&claims, claim))
			status = error_set(error, ERROR_NO_MEMORY, "out of memory for %zu mappings", mapping_count);
	}
	if (status >= 0)
		status = lazy_claims_create(space, claims.items, claims.count, error);
	array_free(&claims);
	return status;
}
