/* SPDX-License-Identifier: MIT */
#include "query/memory/sparse_heaps.h"

#include "allocator/glibc_chunks.h"
#include "base/sort.h"

enum {
	PIECE_BYTES = 1 << 20, /* that are looked at in one */
	SPARSE_SHARE = 25, /* percent of them in use */
	WORTH_BYTES = 1 << 20, /* of a stretch that is listed */
};

/* What one piece of a heap has. A block belongs to the piece that it begins in. */
struct piece {
	uint64_t start, end;
	size_t chunk_count;
	uint64_t used_bytes, cached_blocks, cached_bytes;
};

struct finding {
	struct sparse_heaps *sparse;
	const struct query *query;
	const struct glibc_walk *walk;
	struct reader reader;
	uint32_t walk_number, heap_number;
	struct glibc_cursor cursor;
	struct glibc_chunk next; /* the first not gone through; at UINT64_MAX: none */
	size_t next_cached; /* of the walk: the same */
	uint64_t last; /* chunk gone through; 0: none */
	uint64_t beyond; /* where the last block ends that began in a piece before */
	struct sparse_stretch open; /* empty: start == end */
	size_t heap_first; /* of the stretches: the first of the heap at hand */
	uint64_t steps;
};

static uint64_t smaller(uint64_t left, uint64_t right)
{
	return left < right ? left : right;
}

/* Bytes of [start, end) that a block from `at` on has, which begins there or before. */
static uint64_t inside(uint64_t start, uint64_t end, uint64_t at, uint64_t bytes)
{
	const uint64_t from = at > start ? at : start, to = smaller(at + bytes, end);
	return to > from ? to - from : 0;
}

static void turn_next(struct finding *finding)
{
	if (!glibc_cursor_next(&finding->cursor, &finding->next))
		finding->next = (struct glibc_chunk){ UINT64_MAX, 0 };
}

static int measure_piece(struct finding *finding, struct piece *piece)
{
	const struct glibc_walk *walk = finding->walk;
	piece->used_bytes = finding->beyond > piece->start ? smaller(finding->beyond, piece->end) - piece->start : 0;
	for (; finding->next.address - GLIBC_CHUNK_HEADER < piece->end; turn_next(finding)) {
		const uint64_t start = finding->next.address - GLIBC_CHUNK_HEADER;
		piece->chunk_count++;
		piece->used_bytes += inside(piece->start, piece->end, start, finding->next.bytes);
		finding->beyond = start + finding->next.bytes;
		finding->last = finding->next.address;
		if (progress_look(finding->query->progress, &finding->steps) != OK)
			return query_cancelled(finding->query);
	}
	for (; finding->next_cached < walk->cached.count; finding->next_cached++) {
		const uint64_t start = walk->cached.items[finding->next_cached] - GLIBC_CHUNK_HEADER;
		uint64_t bytes, flags;
		if (start >= piece->end)
			break;
		if (!glibc_chunk(&finding->reader, start, UINT64_MAX, &bytes, &flags))
			continue;
		piece->cached_blocks++;
		piece->cached_bytes += inside(piece->start, piece->end, start, bytes);
	}
	return OK;
}

static int close_stretch(struct finding *finding)
{
	struct sparse_stretch *stretch = &finding->open;
	if (stretch->end - stretch->start >= WORTH_BYTES && !array_push(&finding->sparse->stretches, *stretch))
		return query_no_memory(finding->query, "the stretches of malloc's heaps");
	*stretch = (struct sparse_stretch){ .start = 0 };
	return OK;
}

static void count_above(struct finding *finding, const struct piece *piece)
{
	struct sparse_heaps *sparse = finding->sparse;
	for (size_t i = finding->heap_first; i < sparse->stretches.count; i++) {
		sparse->stretches.items[i].above_blocks += piece->chunk_count + piece->cached_blocks;
		sparse->stretches.items[i].above_bytes += piece->used_bytes + piece->cached_bytes;
	}
}

static int note_piece(struct finding *finding, const struct piece *piece)
{
	struct sparse_stretch *stretch = &finding->open;
	const uint64_t taken = piece->used_bytes + piece->cached_bytes;
	const bool is_sparse = taken * 100 < (piece->end - piece->start) * SPARSE_SHARE;
	count_above(finding, piece);
	if (!is_sparse) {
		const size_t before = finding->sparse->stretches.count;
		TRY(close_stretch(finding));
		if (finding->sparse->stretches.count > before) {
			struct sparse_stretch *last = &finding->sparse->stretches.items[before];
			last->above_blocks = piece->chunk_count + piece->cached_blocks;
			last->above_bytes = taken;
		}
		return OK;
	}
	if (stretch->start == stretch->end)
		*stretch = (struct sparse_stretch){ .start = piece->start,
			                            .walk = finding->walk_number,
			                            .heap = finding->heap_number };
	stretch->end = piece->end;
	stretch->chunk_count += piece->chunk_count;
	stretch->used_bytes += piece->used_bytes;
	stretch->cached_blocks += piece->cached_blocks;
	stretch->cached_bytes += piece->cached_bytes;
	return OK;
}

/* The last block before `end` that keeps memory: in use, or in a thread's cache; 0: none. */
static uint64_t last_block(const struct finding *finding, uint64_t start)
{
	const struct glibc_walk *walk = finding->walk;
	const size_t cached = finding->next_cached;
	uint64_t last = finding->last > start ? finding->last : 0;
	if (cached > 0 && walk->cached.items[cached - 1] > start && walk->cached.items[cached - 1] > last)
		last = walk->cached.items[cached - 1];
	return last;
}

static int find_in_heap(struct finding *finding, const struct glibc_heap *heap)
{
	struct sparse_heaps *sparse = finding->sparse;
	const uint64_t top = finding->walk->glibc->arenas.items[heap->arena].top;
	const uint64_t end = top >= heap->start && top < heap->end ? top : heap->end;
	finding->heap_first = sparse->stretches.count;
	finding->beyond = 0;
	finding->open = (struct sparse_stretch){ .start = 0 };
	for (uint64_t start = heap->first_chunk, next; start < end; start = next) {
		next = smaller((start / PIECE_BYTES + 1) * PIECE_BYTES, end);
		struct piece piece = { .start = start, .end = next };
		TRY(measure_piece(finding, &piece));
		TRY(note_piece(finding, &piece));
	}
	TRY(close_stretch(finding));
	const uint64_t last = last_block(finding, heap->start);
	for (size_t i = finding->heap_first; i < sparse->stretches.count; i++)
		sparse->stretches.items[i].last = last;
	return OK;
}

static int compare_ranges(const void *left, const void *right)
{
	const uint64_t a = ((const struct glibc_range *)left)->start, b = ((const struct glibc_range *)right)->start;
	return a < b ? -1 : a > b;
}

/* What is free in each stretch, and what of it malloc_trim(0) would leave. Stretches are in order of address. */
static int find_stranded(struct finding *finding, size_t first)
{
	ARRAY(struct glibc_range) ranges = { .items = NULL };
	const size_t count = finding->walk->returnable.count;
	size_t next = 0;
	if (!array_reserve(&ranges, count + 1))
		return query_no_memory(finding->query, "the stretches of malloc's heaps");
	for (size_t i = 0; i < count; i++)
		(void)array_push(&ranges, finding->walk->returnable.items[i]);
	const int status =
	        sort_items(ranges.items, count, sizeof *ranges.items, compare_ranges, finding->query->progress);
	for (size_t i = first; status == OK && i < finding->sparse->stretches.count; i++) {
		struct sparse_stretch *stretch = &finding->sparse->stretches.items[i];
		const uint64_t taken = stretch->used_bytes + stretch->cached_bytes;
		uint64_t returnable = 0;
		for (; next < count && ranges.items[next].end <= stretch->start; next++)
			;
		for (size_t j = next; j < count && ranges.items[j].start < stretch->end; j++)
			returnable += inside(stretch->start, stretch->end, ranges.items[j].start,
			                     ranges.items[j].end - ranges.items[j].start);
		stretch->free_bytes = stretch->end - stretch->start - taken;
		stretch->stranded_bytes = stretch->free_bytes > returnable ? stretch->free_bytes - returnable : 0;
	}
	array_free(&ranges);
	return status == OK ? OK : query_cancelled(finding->query);
}

static int find_in_walk(struct finding *finding)
{
	const struct glibc *glibc = finding->walk->glibc;
	const size_t first = finding->sparse->stretches.count;
	finding->next_cached = finding->last = 0;
	glibc_cursor_init(&finding->cursor, finding->walk, &finding->reader, 0);
	turn_next(finding);
	for (size_t i = 0; i < glibc->heaps.count; i++) {
		const struct glibc_heap *heap = &glibc->heaps.items[i];
		finding->heap_number = (uint32_t)i;
		TRY(find_in_heap(finding, heap));
	}
	return find_stranded(finding, first);
}

static int compare_stretches(const void *left, const void *right)
{
	const struct sparse_stretch *a = left, *b = right;
	return query_compare_bytes(a->free_bytes, a->start, b->free_bytes, b->start);
}

int sparse_heaps_find(struct sparse_heaps *sparse, const struct query *query, const struct memory_map *map)
{
	struct finding finding = { .sparse = sparse, .query = query };
	*sparse = (struct sparse_heaps){ .bytes = 0 };
	reader_init(&finding.reader, query->target->space);
	for (size_t i = 0; i < map->walks.count; i++) {
		finding.walk = &map->walks.items[i];
		finding.walk_number = (uint32_t)i;
		if (finding.walk->is_confirmed)
			TRY(find_in_walk(&finding));
	}
	for (size_t i = 0; i < sparse->stretches.count; i++) {
		const struct sparse_stretch *stretch = &sparse->stretches.items[i];
		sparse->bytes += stretch->end - stretch->start;
		sparse->used_blocks += stretch->chunk_count;
		sparse->used_bytes += stretch->used_bytes;
		sparse->cached_blocks += stretch->cached_blocks;
		sparse->cached_bytes += stretch->cached_bytes;
		sparse->free_bytes += stretch->free_bytes;
		sparse->stranded_bytes += stretch->stranded_bytes;
	}
	return sort_items(sparse->stretches.items, sparse->stretches.count, sizeof *sparse->stretches.items,
	                  compare_stretches, query->progress) == OK
	               ? OK
	               : query_cancelled(query);
}

void sparse_heaps_clear(struct sparse_heaps *sparse)
{
	array_free(&sparse->stretches);
}
