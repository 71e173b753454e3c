/* SPDX-License-Identifier: MIT */
#include "graph/size_check.h"

#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "decode/size_bound.h"
#include "graph/heap/heap_cursor.h"
#include "graph/object_index.h"
#include "allocator/allocators.h"
#include "allocator/mimalloc.h"
#include "allocator/pymalloc.h"
#include "allocator/tracked_objects.h"

enum {
	SAMPLE_OBJECTS = 2400, /* tracked ones */
	SAMPLE_OF_LIST = 1200, /* of one list of a collector */
	SAMPLE_REFERENTS = 8, /* of each */
	GRANULE = 16,
};

/* Three bits for each 16 bytes of memory: allocators' blocks begin at multiples of that (those of 8 bytes aside, which
 * no object fits in). */
struct block_map {
	uint8_t *in_use, *explained;
	uint8_t *owned; /* explained by an owner that says it is the only one */
	uint8_t *native; /* of malloc's: what objects have for a library; several may have the same */
};

struct checker {
	struct size_check *check;
	struct decoder *decoder;
	const struct memory_map *memory; /* NULL in a sample */
	struct block_map map; /* NULL in a sample */
};

static void note(struct checker *checker, const char *role, const struct allocation *allocation)
{
	struct size_check *check = checker->check;
	const struct decoded *out = &checker->decoder->out;
	check->agreements[allocation->agreement]++;
	check->unknown += allocation->agreement == AGREEMENT_NONE && allocation->allocator == ALLOCATOR_UNKNOWN;
	if (!agreement_is_bad((enum agreement)allocation->agreement) && allocation->allocator != ALLOCATOR_UNKNOWN)
		return;
	for (uint32_t i = 0; i < check->example_count; i++) {
		struct size_disagreement *example = &check->examples[i];
		if (example->type == out->type && example->role == role &&
		    example->allocation.agreement == allocation->agreement) {
			example->count++;
			return;
		}
	}
	if (check->example_count < SIZE_CHECK_EXAMPLES)
		check->examples[check->example_count++] =
		        (struct size_disagreement){ 1, out->address, out->type, role, *allocation };
}

/* Whether an allocator's block that an object was found in is free. */
static bool is_free(struct checker *checker, const struct allocation *allocation)
{
	struct decoder *decoder = checker->decoder;
	bool is_listed;
	return allocators_pool_block(decoder->layout, &decoder->reader, (enum allocator)allocation->allocator,
	                             allocation->block, &is_listed) &&
	       is_listed;
}

static void explain(struct checker *checker, struct allocation *allocation, bool is_shared)
{
	struct block_share *share =
	        allocation->allocator == ALLOCATOR_PYMALLOC ? &checker->check->pymalloc : &checker->check->mimalloc;
	const struct segment *segment = reader_segment(&checker->decoder->reader, allocation->block);
	if (segment == NULL)
		return;
	const uint64_t bit = segment_granule(segment, allocation->block);
	if (!bits_has(checker->map.in_use, bit)) {
		/* Free, or of a page that could not be gone through. */
		if (is_free(checker, allocation))
			allocation->agreement = DISAGREEMENT_FREE;
		return;
	}
	if (!bits_has(checker->map.explained, bit)) {
		bits_add(checker->map.explained, bit);
		share->explained_blocks++;
		share->explained_bytes += allocation->taken;
	}
	if (is_shared)
		return;
	if (bits_has(checker->map.owned, bit))
		allocation->agreement = DISAGREEMENT_OWNER;
	else
		bits_add(checker->map.owned, bit);
}

/* A block of malloc or of pages: whether it is in use, and nobody else's. Buffers that objects have for a library may
 * be several objects', but not what is an object's own, nor a library's state. */
static void explain_outside(struct checker *checker, struct allocation *allocation, bool is_shared, bool is_exclusive)
{
	const struct segment *segment = reader_segment(&checker->decoder->reader, allocation->block);
	if (segment == NULL || segment->data == NULL)
		return;
	const uint64_t bit = segment_granule(segment, allocation->block);
	checker->check->outside_pools++;
	if (memory_map_is_free(checker->memory, &checker->decoder->reader, allocation->block)) {
		allocation->agreement = DISAGREEMENT_FREE;
		return;
	}
	/* Of jemalloc's smallest two lie in a granule: which of them it is a bit does not say. */
	if (is_shared || allocation->taken < 16)
		return;
	if (bits_has(checker->map.owned, bit) || (is_exclusive && bits_has(checker->map.native, bit)))
		allocation->agreement = DISAGREEMENT_OWNER;
	bits_add(is_exclusive ? checker->map.owned : checker->map.native, bit);
}

static void check_allocation(struct checker *checker, const struct block *block, struct allocation *allocation)
{
	const bool is_shared = block != NULL && (block->flags & BLOCK_SHARED) != 0;
	const bool is_exclusive = block == NULL || (block->flags & (BLOCK_COUNTED | BLOCK_OPAQUE)) != 0;
	if (allocation->agreement == AGREEMENT_EXACT || allocation->agreement == AGREEMENT_KEPT) {
		const bool has_blocks =
		        allocation->allocator == ALLOCATOR_PYMALLOC || allocation->allocator == ALLOCATOR_MIMALLOC;
		if (has_blocks && checker->map.in_use != NULL)
			explain(checker, allocation, is_shared);
		else if (has_blocks && is_free(checker, allocation))
			allocation->agreement = DISAGREEMENT_FREE;
		else if (!has_blocks && checker->map.in_use != NULL)
			explain_outside(checker, allocation, is_shared, is_exclusive);
	} else if (allocation->allocator == ALLOCATOR_UNKNOWN && checker->memory != NULL &&
	           memory_map_is_free(checker->memory, &checker->decoder->reader, allocation->block)) {
		allocation->agreement = DISAGREEMENT_FREE; /* malloc's own words say nothing of it any more */
	}
	note(checker, block != NULL ? block->role : NULL, allocation);
}

/* The object that was just decoded. What is torn or not an object is counted elsewhere. */
static void check_decoded(struct checker *checker)
{
	struct decoder *decoder = checker->decoder;
	const struct decoded *out = &decoder->out;
	if (out->type != NULL && size_bound_has_refuted(out)) {
		const struct allocation claim = { .address = out->address,
			                          .block = out->address,
			                          .agreement = DISAGREEMENT_ROOM };
		checker->check->objects++;
		note(checker, NULL, &claim);
		return;
	}
	if (out->type == NULL || out->flags & (DECODED_UNREADABLE | DECODED_CORRUPT | DECODED_IN_FLUX))
		return;
	checker->check->objects++;
	struct allocation own = allocation_of_object(decoder);
	check_allocation(checker, NULL, &own);
	for (size_t i = 0; i < out->blocks.count; i++) {
		const struct block *block = &out->blocks.items[i];
		struct allocation allocation = allocation_of_block(decoder, i);
		if ((block->flags & BLOCK_INTERIOR) == 0)
			check_allocation(checker, block, &allocation);
	}
}

/* ---- A sample ---- */

/* The first references of the object that was just decoded. */
static size_t first_referents(struct decoder *decoder, uint64_t referents[SAMPLE_REFERENTS])
{
	size_t count = 0;
	for (size_t i = 0; i < decoder->out.runs.count; i++) {
		const struct run *run = &decoder->out.runs.items[i];
		for (uint64_t j = 0; j < run->count && j < SAMPLE_REFERENTS; j++) {
			if (count == SAMPLE_REFERENTS)
				return count;
			referents[count] = run_target(run, j);
			count += referents[count] != 0;
		}
	}
	return count;
}

static void check_sampled(struct checker *checker, uint64_t object)
{
	uint64_t referents[SAMPLE_REFERENTS];
	if (!decode_object(checker->decoder, object))
		return;
	check_decoded(checker);
	const size_t count = first_referents(checker->decoder, referents);
	for (size_t i = 0; i < count; i++)
		if (decode_object(checker->decoder, referents[i]))
			check_decoded(checker);
}

static void sample_lists(struct checker *checker, const struct gc_list_array *lists)
{
	uint32_t left = SAMPLE_OBJECTS;
	for (size_t i = 0; i < lists->count && left > 0; i++) {
		struct gc_cursor cursor;
		struct reader reader;
		reader_init(&reader, checker->decoder->reader.space);
		gc_cursor_init(&cursor, &reader, &lists->items[i]);
		uint64_t object;
		for (uint32_t taken = 0; taken < SAMPLE_OF_LIST && left > 0 && (object = gc_cursor_next(&cursor)) != 0;
		     taken++, left--)
			check_sampled(checker, object);
	}
}

int size_check_sample(struct size_check *ret_check, struct decoder *decoder, struct error *error)
{
	struct tracked_objects tracked;
	struct checker checker = { .check = ret_check, .decoder = decoder };
	memset(ret_check, 0, sizeof *ret_check);
	int status = tracked_objects_open(&tracked, decoder->context->runtime, error);
	if (status == OK && tracked.pages == NULL)
		sample_lists(&checker, &tracked.lists);
	uint64_t object;
	int32_t generation;
	for (uint32_t i = 0; status == OK && tracked.pages != NULL && i < SAMPLE_OBJECTS &&
	                     (object = tracked_objects_next(&tracked, &generation)) != 0;
	     i++)
		check_sampled(&checker, object);
	tracked_objects_close(&tracked);
	return status;
}

/* ---- All ---- */

/* Notes the blocks of a pool or page that are in use. */
static void note_blocks(struct checker *checker, struct block_share *share, uint64_t start, uint64_t block_bytes,
                        uint32_t count, const uint8_t *is_free_block)
{
	const struct segment *segment = reader_segment(&checker->decoder->reader, start);
	share->pages++;
	if (segment == NULL || segment->data == NULL)
		return;
	for (uint32_t i = 0; i < count; i++) {
		const uint64_t block = start + i * block_bytes;
		if (bits_has(is_free_block, i) || block >= segment->end)
			continue;
		bits_add(checker->map.in_use, segment_granule(segment, block));
		share->blocks++;
		share->bytes += block_bytes;
	}
}

static void note_pools(struct checker *checker)
{
	struct block_share *share = &checker->check->pymalloc;
	struct pymalloc_cursor cursor;
	struct pymalloc_pool pool;
	uint8_t is_free_block[PYMALLOC_MOST_BLOCKS / 8];
	pymalloc_cursor_init(&cursor, checker->decoder->layout, &checker->decoder->reader);
	while (pymalloc_cursor_next(&cursor, &pool)) {
		if (pymalloc_free_blocks(&pool, &checker->decoder->reader, is_free_block))
			note_blocks(checker, share, pool.start, pool.block_bytes, pool.carved, is_free_block);
		else
			share->broken_pages++;
	}
}

static int note_pages(struct checker *checker, struct error *error)
{
	struct block_share *share = &checker->check->mimalloc;
	struct mimalloc_cursor *cursor = malloc(sizeof *cursor);
	if (cursor == NULL)
		return error_set(error, ERROR_NO_MEMORY, "out of memory for the check of sizes");
	mimalloc_cursor_init(cursor, checker->decoder->layout, &checker->decoder->reader);
	while (mimalloc_cursor_next_page(cursor)) {
		const struct mimalloc_page *page = &cursor->page;
		const bool is_broken = cursor->is_broken;
		cursor->is_broken = false;
		if (is_broken)
			share->broken_pages++;
		else if (page->block_bytes >= GRANULE)
			note_blocks(checker, share, page->start, page->block_bytes, page->capacity, cursor->is_free);
	}
	free(cursor);
	return OK;
}

static int check_objects(struct checker *checker, const struct heap_graph *graph, struct progress *progress,
                         struct error *error)
{
	struct heap_cursor cursor;
	uint64_t done = 0;
	heap_cursor_init(&cursor, graph, checker->decoder, progress);
	while (heap_cursor_next(&cursor)) {
		if (heap_cursor_decode(&cursor))
			check_decoded(checker);
		if (checker->decoder->out_of_memory)
			return error_set(error, ERROR_NO_MEMORY, "out of memory for the check of sizes");
		if (progress_step(progress, &done) < 0)
			return progress_cancelled(error);
	}
	return cursor.status == OK ? OK : progress_cancelled(error);
}

int size_check_heap(struct size_check *ret_check, const struct size_check_sources *sources, struct progress *progress,
                    struct error *error)
{
	struct checker checker = { .check = ret_check, .decoder = sources->decoder, .memory = sources->memory };
	const uint64_t bytes = bits_bytes(sources->decoder->reader.space->granule_count);
	memset(ret_check, 0, sizeof *ret_check);
	ret_check->is_complete = true;
	checker.map.in_use = calloc(bytes, 1);
	checker.map.explained = calloc(bytes, 1);
	checker.map.owned = calloc(bytes, 1);
	checker.map.native = calloc(bytes, 1);
	int status = checker.map.in_use == NULL || checker.map.explained == NULL || checker.map.owned == NULL ||
	                             checker.map.native == NULL
	                     ? error_set(error, ERROR_NO_MEMORY, "out of memory for the check of sizes")
	                     : OK;
	if (status == OK) {
		note_pools(&checker);
		status = note_pages(&checker, error);
	}
	if (status == OK)
		status = check_objects(&checker, sources->graph, progress, error);
	free(checker.map.in_use);
	free(checker.map.explained);
	free(checker.map.owned);
	free(checker.map.native);
	return status;
}

uint64_t size_check_disagreements(const struct size_check *check)
{
	uint64_t count = check->pymalloc.broken_pages + check->mimalloc.broken_pages;
	for (int i = 0; i < AGREEMENT_COUNT; i++)
		count += agreement_is_bad((enum agreement)i) ? check->agreements[i] : 0;
	return count;
}
