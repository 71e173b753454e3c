/* SPDX-License-Identifier: MIT
 * Finds malloc's own variables in the writable memory of a library. main_arena is told by its bins: an empty bin points
 * at itself, so that two equal words that name the place 16 bytes before them are the mark to look for. All 127 must be
 * rings; and since the bins of one layout fit those of another one at a distance, `next` must close a ring of arenas
 * and `top` be a chunk. */
#include <string.h>
#include <sys/mman.h>

#include "allocator/glibc.h"
#include "base/bytes.h"
#include "base/limits.h"
#include "base/path.h"

enum {
	LEAST_EMPTY_BINS = 20, /* of 127; a fragmented heap has some ninety */
	MOST_ATTACHED = 1 << 20,
	HEAP_INFO_SMALL = 0x20, /* struct heap_info up to 2.34 */
	HEAP_INFO_LARGE = 0x30, /* since 2.35 */
	HEAP_SMALLEST = 1 << 20,
	MOST_ARENA_TEST = 1 << 16,
	N_MMAPS_MAX = 65536, /* DEFAULT_MMAP_MAX */
	ARENA_TEST = 24, /* of malloc_par, the same in all */
};

struct finder {
	const struct address_space *space;
	struct reader reader;
	struct glibc *glibc;
	uint64_t start, end; /* of the library's writable memory */
};

static uint64_t word_at(struct finder *finder, uint64_t address)
{
	uint64_t word = 0;
	return reader_u64(&finder->reader, address, &word) ? word : 0;
}

/* bin_at() of malloc.c: fd and bk of bin i are words 2(i - 1) and 2(i - 1) + 1 of bins, as of a chunk that begins 16
 * bytes earlier. */
static uint64_t bin_chunk(const struct glibc_state_layout *layout, uint64_t arena, uint32_t number)
{
	return arena + layout->bins + 16 * (uint64_t)number - 16;
}

static bool bins_are_rings(struct finder *finder, const struct glibc_state_layout *layout, uint64_t arena)
{
	const uint8_t *bytes = reader_at(&finder->reader, arena, layout->bytes);
	unsigned empty = 0;
	for (uint32_t i = 0; bytes != NULL && i < GLIBC_BINS; i++) {
		const uint64_t here = bin_chunk(layout, arena, i);
		const uint64_t first = load_u64(bytes + layout->bins + 16 * i);
		const uint64_t last = load_u64(bytes + layout->bins + 16 * i + 8);
		if (first == here && last == here)
			empty++;
		else if (first == here || last == here || first % 16 != 0 || last % 16 != 0 ||
		         word_at(finder, first + GLIBC_BK) != here || word_at(finder, last + GLIBC_FD) != here)
			return false;
	}
	return bytes != NULL && empty >= LEAST_EMPTY_BINS;
}

static bool reads_as_arena(struct finder *finder, const struct glibc_state_layout *layout, uint64_t arena,
                           struct glibc_arena *ret_arena)
{
	const uint8_t *bytes = reader_at(&finder->reader, arena, layout->bytes);
	uint64_t top_bytes, flags;
	if (arena % 8 != 0 || bytes == NULL)
		return false;
	*ret_arena = (struct glibc_arena){
		.address = arena,
		.top = load_u64(bytes + layout->top),
		.system_mem = load_u64(bytes + layout->system_mem),
		.attached = load_u64(bytes + layout->attached),
		.is_noncontiguous = (load_u32(bytes + layout->flags) & GLIBC_NONCONTIGUOUS) != 0,
	};
	return ret_arena->top % 16 == 0 && ret_arena->system_mem != 0 && ret_arena->system_mem % GLIBC_PAGE == 0 &&
	       ret_arena->attached <= MOST_ATTACHED && bins_are_rings(finder, layout, arena) &&
	       glibc_chunk(&finder->reader, ret_arena->top, UINT64_MAX, &top_bytes, &flags) &&
	       top_bytes <= ret_arena->system_mem;
}

/* All arenas, from main on: each must be one. False: the ring of `next` does not come back. */
static int read_ring(struct finder *finder, const struct glibc_state_layout *layout, uint64_t main_arena, bool *ret_is,
                     struct error *error)
{
	struct glibc *glibc = finder->glibc;
	uint64_t at = main_arena;
	*ret_is = false;
	glibc->arenas.count = 0;
	do {
		struct glibc_arena arena;
		if (glibc->arenas.count >= LIMIT_MALLOC_ARENAS || !reads_as_arena(finder, layout, at, &arena))
			return OK;
		arena.is_main = at == main_arena;
		if (!array_push(&glibc->arenas, arena))
			return error_set(error, ERROR_NO_MEMORY, "out of memory for malloc's arenas");
		at = word_at(finder, at + layout->next);
	} while (at != main_arena);
	*ret_is = true;
	return OK;
}

/* Tries all places that a mark may have in a malloc_state. */
static int try_mark(struct finder *finder, uint64_t mark, bool *ret_found, struct error *error)
{
	for (unsigned i = 0; i < glibc_state_layout_count; i++) {
		const struct glibc_state_layout *layout = &glibc_state_layouts[i];
		for (uint32_t bin = 0; bin < GLIBC_BINS; bin++) {
			const uint64_t arena = mark - layout->bins - 16 * (uint64_t)bin;
			struct glibc_arena read;
			if (arena < finder->start || mark - finder->start < layout->bins + 16 * (uint64_t)bin ||
			    !reads_as_arena(finder, layout, arena, &read))
				continue;
			TRY(read_ring(finder, layout, arena, ret_found, error));
			if (*ret_found) {
				finder->glibc->state = layout;
				return OK;
			}
		}
	}
	return OK;
}

static int find_main_arena(struct finder *finder, bool *ret_found, struct error *error)
{
	*ret_found = false;
	for (uint64_t at = round_up(finder->start, 8); at + 16 <= finder->end; at += 8) {
		const uint8_t *words = reader_at(&finder->reader, at, 16);
		if (words == NULL || load_u64(words) != at - 16 || load_u64(words + 8) != at - 16)
			continue;
		TRY(try_mark(finder, at, ret_found, error));
		if (*ret_found)
			return OK;
	}
	return OK;
}

/* sbrk_base may be any multiple of 16 that a page has; the first chunk follows it. 0: brk was never used. */
static bool brk_begins_at(struct finder *finder, uint64_t start)
{
	const struct glibc_arena *main_arena = &finder->glibc->arenas.items[0];
	uint64_t bytes, flags;
	if (start == 0)
		return main_arena->is_noncontiguous;
	if (start > main_arena->top && !main_arena->is_noncontiguous)
		return false;
	return glibc_chunk(&finder->reader, round_up(start, 16), UINT64_MAX, &bytes, &flags) &&
	       (flags & GLIBC_PREV_INUSE) != 0;
}

/* Defaults that programs seldom change mark it, and what confirms it is where brk begins. */
static bool reads_as_par(struct finder *finder, const struct glibc_par_layout *layout, uint64_t address)
{
	const uint8_t *bytes = reader_at(&finder->reader, address, layout->bytes);
	if (bytes == NULL || load_u32(bytes + layout->n_mmaps_max) != N_MMAPS_MAX)
		return false;
	struct glibc *glibc = finder->glibc;
	const uint64_t arena_test = load_u64(bytes + ARENA_TEST);
	const uint64_t count = load_u32(bytes + layout->n_mmaps), mapped = load_u64(bytes + layout->mmapped_mem);
	const uint64_t bins = load_u64(bytes + layout->tcache_bins);
	const uint64_t brk = load_u64(bytes + layout->sbrk_base);
	if (arena_test == 0 || arena_test > MOST_ARENA_TEST || count > N_MMAPS_MAX || mapped / GLIBC_PAGE < count ||
	    bins == 0 || bins > 128 || !brk_begins_at(finder, brk))
		return false;
	glibc->par = layout;
	glibc->par_address = address;
	glibc->mapped_count = count;
	glibc->mapped_bytes = mapped;
	glibc->brk_start = brk;
	glibc->tcache_count = load_u64(bytes + layout->tcache_count);
	return true;
}

static bool find_par(struct finder *finder)
{
	for (uint64_t at = round_up(finder->start, 8); at < finder->end; at += 8)
		for (unsigned i = 0; i < glibc_par_layout_count; i++)
			if (reads_as_par(finder, &glibc_par_layouts[i], at))
				return true;
	return false;
}

/* The heap_info that an address of an arena's lies in, its arena confirmed; 0: none. */
static uint64_t heap_of(struct finder *finder, uint64_t address, uint64_t arena)
{
	for (uint64_t most = GLIBC_HEAP_MAX; most <= UINT64_C(1) << 36; most <<= 1) {
		const uint64_t heap = address & ~(most - 1);
		if (word_at(finder, heap) == arena)
			return heap;
	}
	/* Smaller ones, where huge pages make them so. */
	for (uint64_t most = GLIBC_HEAP_MAX / 2; most >= HEAP_SMALLEST; most >>= 1)
		if (word_at(finder, address & ~(most - 1)) == arena)
			return address & ~(most - 1);
	return 0;
}

static uint64_t mapped_end_of(struct finder *finder, uint64_t heap, uint64_t used_end)
{
	/* What is reserved behind has no permissions, or in gcore's words may be read; how much that is, the next
	 * mapping says at the latest. */
	const uint64_t reserved = heap + GLIBC_HEAP_MAX;
	uint64_t end = used_end;
	while (end < reserved) {
		const struct segment *segment = address_space_find(finder->space, end);
		if (segment == NULL || (segment->protection & PROT_WRITE) != 0)
			break;
		end = segment->end < reserved ? segment->end : reserved;
	}
	return end;
}

/* heap_info: ar_ptr, prev, size, mprotect_size. */
static int add_heaps(struct finder *finder, uint32_t number, bool *ret_is, struct error *error)
{
	struct glibc *glibc = finder->glibc;
	const struct glibc_arena *arena = &glibc->arenas.items[number];
	const uint64_t small = arena->address - HEAP_INFO_SMALL, large = arena->address - HEAP_INFO_LARGE;
	const bool is_small = word_at(finder, small) == arena->address;
	const uint64_t first = is_small ? small : large, info = is_small ? HEAP_INFO_SMALL : HEAP_INFO_LARGE;
	uint64_t heap = heap_of(finder, arena->top, arena->address);
	*ret_is = false;
	for (uint32_t i = 0; heap != 0 && i < LIMIT_MALLOC_HEAPS; i++) {
		const uint64_t size = word_at(finder, heap + 16), previous = word_at(finder, heap + 8);
		if (word_at(finder, heap) != arena->address || size == 0 || size % GLIBC_PAGE != 0 ||
		    size > UINT64_C(1) << 36)
			return OK;
		const struct glibc_heap row = {
			.start = heap,
			.end = heap + size,
			.mapped_end = mapped_end_of(finder, heap, heap + size),
			.first_chunk = heap == first ? round_up(arena->address + glibc->state->bytes, 16) : heap + info,
			.arena = number,
		};
		if (!array_push(&glibc->heaps, row))
			return error_set(error, ERROR_NO_MEMORY, "out of memory for malloc's heaps");
		*ret_is = previous == 0 && heap == first;
		heap = previous;
	}
	return OK;
}

static int add_main_heap(struct finder *finder, struct error *error)
{
	struct glibc *glibc = finder->glibc;
	const struct glibc_arena *arena = &glibc->arenas.items[0];
	uint64_t bytes, flags;
	if (glibc->brk_start == 0 || arena->top < glibc->brk_start ||
	    !glibc_chunk(&finder->reader, arena->top, UINT64_MAX, &bytes, &flags))
		return OK;
	const struct glibc_heap row = { .start = glibc->brk_start,
		                        .end = arena->top + bytes,
		                        .mapped_end = arena->top + bytes,
		                        .first_chunk = round_up(glibc->brk_start, 16) };
	return array_push(&glibc->heaps, row) ? OK
	                                      : error_set(error, ERROR_NO_MEMORY, "out of memory for malloc's heaps");
}

static int compare_heaps(const void *left, const void *right)
{
	const uint64_t a = ((const struct glibc_heap *)left)->start, b = ((const struct glibc_heap *)right)->start;
	return a < b ? -1 : a > b;
}

static void glibc_clear(struct glibc *glibc)
{
	array_free(&glibc->arenas);
	array_free(&glibc->heaps);
}

static int find_in(struct finder *finder, bool *ret_found, struct error *error)
{
	struct glibc *glibc = finder->glibc;
	TRY(find_main_arena(finder, ret_found, error));
	if (!*ret_found || !(*ret_found = find_par(finder)))
		return OK;
	TRY(add_main_heap(finder, error));
	for (uint32_t i = 1; *ret_found && i < glibc->arenas.count; i++)
		TRY(add_heaps(finder, i, ret_found, error));
	if (glibc->heaps.count > 0)
		qsort(glibc->heaps.items, glibc->heaps.count, sizeof *glibc->heaps.items, compare_heaps);
	return OK;
}

static bool is_libc(const struct mapped_file *file)
{
	const char *name = path_base_name(file->path);
	return strncmp(name, "libc.so.6", 9) == 0 || strncmp(name, "libc-2.", 7) == 0;
}

static int find_in_file(struct glibc_list *list, const struct address_space *space, const struct mapped_file *file,
                        struct error *error)
{
	struct finder finder = { .space = space, .glibc = &(struct glibc){ .file = file } };
	reader_init(&finder.reader, space);
	bool found = false;
	int status = OK;
	/* .data and .bss may be one segment or two that touch. */
	for (size_t i = 0; i < space->segment_count && status == OK && !found; i++) {
		const struct segment *segment = &space->segments[i];
		if (!segment->writable_private || segment->data == NULL || segment->end <= file->start ||
		    segment->start >= file->end)
			continue;
		finder.start = segment->start < file->start ? file->start : segment->start;
		while (i + 1 < space->segment_count && space->segments[i + 1].start == space->segments[i].end &&
		       space->segments[i + 1].writable_private && space->segments[i + 1].data != NULL)
			i++;
		finder.end = space->segments[i].end > file->end ? file->end : space->segments[i].end;
		if (finder.end - finder.start > LIMIT_BSS_BYTES)
			finder.end = finder.start + LIMIT_BSS_BYTES;
		status = find_in(&finder, &found, error);
	}
	if (status == OK && found && array_push(list, *finder.glibc))
		return OK;
	glibc_clear(finder.glibc);
	return status == OK && found ? error_set(error, ERROR_NO_MEMORY, "out of memory for malloc's heaps") : status;
}

int glibc_find(struct glibc_list *list, const struct address_space *space, struct error *error)
{
	memset(list, 0, sizeof *list);
	int status = OK;
	for (size_t i = 0; i < space->files.count && status == OK; i++)
		if (space->files.items[i].is_elf && is_libc(&space->files.items[i]))
			status = find_in_file(list, space, &space->files.items[i], error);
	/* Linked into the program; or the core lost the names of its files. */
	for (size_t i = 0; i < space->files.count && status == OK && list->count == 0; i++)
		if (space->files.items[i].is_executable || space->files.items[i].path[0] == '\0')
			status = find_in_file(list, space, &space->files.items[i], error);
	if (status != OK)
		glibc_list_clear(list);
	return status;
}

void glibc_list_clear(struct glibc_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		glibc_clear(&list->items[i]);
	array_free(list);
}

const struct glibc_heap *glibc_heap_at(const struct glibc *glibc, uint64_t address)
{
	size_t low = 0, high = glibc->heaps.count;
	while (low < high) {
		const size_t middle = (low + high) / 2;
		if (glibc->heaps.items[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < glibc->heaps.count && glibc->heaps.items[low].start <= address ? &glibc->heaps.items[low] : NULL;
}

/* Alone in pages of its own: where they begin is a page's beginning, and so is where they end. */
static bool mapped_block(const struct glibc *glibc, struct reader *reader, uint64_t chunk,
                         struct allocator_block *ret_block)
{
	const uint8_t *head = glibc->mapped_count > 0 ? reader_at(reader, chunk, GLIBC_CHUNK_HEADER) : NULL;
	if (head == NULL || (load_u64(head + 8) & GLIBC_FLAGS) != GLIBC_IS_MMAPPED || load_u64(head) > chunk)
		return false;
	const uint64_t before = load_u64(head); /* memory left out in front, for alignment */
	const uint64_t bytes = load_u64(head + 8) & ~(uint64_t)GLIBC_FLAGS, start = chunk - before;
	const struct segment *segment = reader_segment(reader, start);
	uint64_t all;
	if (!checked_add(bytes, before + glibc->par->mmapped_left_out, &all) || start % GLIBC_PAGE != 0 ||
	    all % GLIBC_PAGE != 0 || all == 0 || segment == NULL || !segment->writable_private ||
	    all > segment->end - start)
		return false;
	*ret_block = (struct allocator_block){ chunk + GLIBC_CHUNK_HEADER, all, ALLOCATOR_MMAP };
	return true;
}

bool glibc_block_at(const struct glibc *glibc, struct reader *reader, uint64_t address,
                    struct allocator_block *ret_block)
{
	if (address % GLIBC_CHUNK_ALIGNMENT != 0 || address < GLIBC_CHUNK_HEADER)
		return false;
	const uint64_t chunk = address - GLIBC_CHUNK_HEADER;
	const struct glibc_heap *heap = glibc_heap_at(glibc, chunk);
	uint64_t bytes, flags, next;
	if (heap == NULL)
		return mapped_block(glibc, reader, chunk, ret_block);
	const struct glibc_arena *arena = &glibc->arenas.items[heap->arena];
	if (chunk < heap->first_chunk || chunk == arena->top ||
	    !glibc_chunk(reader, chunk, heap->end, &bytes, &flags) || (flags & GLIBC_IS_MMAPPED) != 0 ||
	    ((flags & GLIBC_NON_MAIN_ARENA) == 0) != arena->is_main || !reader_u64(reader, chunk + bytes + 8, &next))
		return false;
	/* The next chunk says that this one is in use; the fencepost at a heap's end is none larger than its header. */
	if ((next & GLIBC_PREV_INUSE) == 0 || (next & ~(uint64_t)GLIBC_FLAGS) > heap->end - chunk - bytes)
		return false;
	*ret_block = (struct allocator_block){ address, bytes, ALLOCATOR_MALLOC };
	return true;
}
