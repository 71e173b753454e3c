/* SPDX-License-Identifier: MIT */
#include "graph/native/pool_blocks.h"

#include <stdlib.h>

#include "allocator/mimalloc.h"
#include "allocator/mimalloc_pools.h"
#include "allocator/pymalloc.h"
#include "base/bits.h"

enum { LEAST_BYTES = 16 }; /* the index of native blocks has one place for 16 bytes */

struct collector {
	native_block_array *blocks;
	const struct native_sources *sources;
	struct reader reader;
	struct progress *progress;
	struct error *error;
	uint64_t steps;
};

/* Blocks of one size side by side: a pool of pymalloc, a page of mimalloc. */
struct row {
	uint64_t start, block_bytes;
	uint32_t count, used;
	const uint8_t *is_free; /* one bit for each */
	enum allocator allocator;
};

/* How many blocks of Python objects begin in a row: a few words of their set. */
static uint32_t python_starts(struct collector *collector, const struct row *row)
{
	const struct visited *starts = &collector->sources->python->starts;
	const struct segment *segment = reader_segment(&collector->reader, row->start);
	const uint64_t end = row->start + row->count * row->block_bytes;
	uint32_t count = 0;
	if (segment == NULL || segment->data == NULL || end > segment->end || row->start % 16 != 0)
		return 0;
	const uint64_t first = segment_granule(segment, row->start), last = segment_granule(segment, end - 1);
	for (uint64_t word = first >> 6; word <= last >> 6; word++) {
		uint64_t bits = starts->words[word];
		if (word == first >> 6)
			bits &= UINT64_MAX << (first & 63);
		if (word == last >> 6)
			bits &= UINT64_MAX >> (63 - (last & 63));
		count += (uint32_t)__builtin_popcountll(bits);
	}
	return count;
}

static int add_row(struct collector *collector, const struct row *row)
{
	for (uint32_t i = 0; i < row->count; i++) {
		const uint64_t address = row->start + i * row->block_bytes;
		if (bits_has(row->is_free, i) ||
		    python_blocks_has(collector->sources->python, &collector->reader, address))
			continue;
		if (!array_push(collector->blocks, native_block_of(address, row->block_bytes, row->allocator)))
			return error_set(collector->error, ERROR_NO_MEMORY, "out of memory for blocks in pools");
	}
	return OK;
}

static int look_at_row(struct collector *collector, const struct row *row)
{
	if (row->block_bytes >= LEAST_BYTES && row->start <= NATIVE_ADDRESS_MOST &&
	    python_starts(collector, row) != row->used)
		TRY(add_row(collector, row));
	return progress_look(collector->progress, &collector->steps) == OK ? OK : progress_cancelled(collector->error);
}

static int find_in_pools(struct collector *collector)
{
	const struct allocators *allocators = collector->sources->memory->allocators;
	const struct pymalloc_arenas *arenas = &allocators->pymalloc;
	const uint64_t head = allocators->layout->struct_bytes[STRUCT_pool_header];
	uint8_t is_free[PYMALLOC_MOST_BLOCKS / 8];
	struct pymalloc_pool pool;
	for (size_t i = 0; i < arenas->items.count; i++) {
		const struct pymalloc_arena *arena = &arenas->items.items[i];
		for (uint64_t at = arena->first_pool; at < arena->pool_address; at += arenas->pool_bytes) {
			if (!pymalloc_pool_at(allocators->layout, &collector->reader, at + head, &pool) ||
			    !pymalloc_free_blocks(&pool, &collector->reader, is_free))
				continue;
			const struct row row = { pool.start, pool.block_bytes, pool.carved,
				                 pool.used,  is_free,          ALLOCATOR_PYMALLOC };
			TRY(look_at_row(collector, &row));
		}
	}
	return OK;
}

static int find_in_pages(struct collector *collector)
{
	struct mimalloc_cursor *cursor = malloc(sizeof *cursor);
	int status = OK;
	if (cursor == NULL)
		return error_set(collector->error, ERROR_NO_MEMORY, "out of memory for blocks in pools");
	mimalloc_cursor_init(cursor, collector->sources->memory->allocators->layout, &collector->reader);
	while (status == OK && mimalloc_cursor_next_page(cursor)) {
		const struct mimalloc_page *page = &cursor->page;
		uint32_t used = page->capacity;
		for (uint32_t i = 0; i < page->capacity; i++)
			used -= bits_has(cursor->is_free, i);
		const struct row row = { page->start, page->block_bytes, page->capacity,
			                 used,        cursor->is_free,   ALLOCATOR_MIMALLOC };
		if (!cursor->is_broken && used > 0)
			status = look_at_row(collector, &row);
		cursor->is_broken = false;
	}
	free(cursor);
	return status;
}

static int find_in_library(struct collector *collector)
{
	struct mimalloc_pools_cursor *cursor = malloc(sizeof *cursor);
	int status = OK;
	if (cursor == NULL)
		return error_set(collector->error, ERROR_NO_MEMORY, "out of memory for blocks in pools");
	mimalloc_pools_cursor_init(cursor, &collector->sources->memory->allocators->mimalloc_pools, &collector->reader);
	while (status == OK && mimalloc_pools_cursor_next(cursor)) {
		const struct mimalloc_pool_page *page = &cursor->page;
		const struct row row = { page->start,  page->block_bytes, page->capacity,
			                 cursor->used, cursor->is_free,   ALLOCATOR_MIMALLOC_POOL };
		if (cursor->used > 0)
			status = look_at_row(collector, &row);
	}
	free(cursor);
	return status;
}

int pool_blocks_find(native_block_array *blocks, const struct native_sources *sources, struct progress *progress,
                     struct error *error)
{
	struct collector collector = { .blocks = blocks, .sources = sources, .progress = progress, .error = error };
	reader_init(&collector.reader, sources->memory->allocators->space);
	TRY(find_in_pools(&collector));
	if (sources->memory->mimalloc.segments > 0)
		TRY(find_in_pages(&collector));
	return sources->memory->mimalloc_pools.is_confirmed ? find_in_library(&collector) : OK;
}
