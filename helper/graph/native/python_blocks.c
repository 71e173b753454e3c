/* SPDX-License-Identifier: MIT */
#include "graph/native/python_blocks.h"

#include <stdlib.h>
#include <string.h>

#include "base/threads.h"
#include "decode/quick_size.h"
#include "graph/native/pool_starts.h"

enum {
	LEAST_RANGE = 1 << 13, /* objects that are worth a thread */
	COLLECTOR_HEAD = 16, /* PyGC_Head */
	AHEAD_BYTES =
	        1024, /* memory is fetched: objects lie side by side, and a page ends what the processor foresees */
};

/* What one thread does: objects begin up to (not including) end, by number. */
struct block_range {
	const struct heap_graph *graph;
	const struct memory_map *memory;
	struct progress *progress;
	struct python_blocks *all; /* only its set, which threads share */
	struct python_blocks own; /* sums */
	struct pool_starts objects, others; /* of pools: objects themselves, and what else they have */
	bool has_heads; /* the collector's words are in front of what it tracks */
	uint32_t begin, end;
	int status;
};

static bool add_block(struct block_range *range, const struct segment *segment, uint64_t block, uint64_t taken,
                      enum allocator allocator)
{
	if (!visited_add_shared(&range->all->starts, visited_place(&range->all->starts, segment, block)))
		return false;
	range->own.blocks[allocator]++;
	range->own.bytes[allocator] += taken;
	return true;
}

/* Half of most heaps: numbers and strings in pools, whose block is told in a few instructions. False: look closer. */
static bool count_leaf(struct block_range *range, struct decoder *decoder, const struct object_head *head,
                       const struct type_info *type)
{
	uint64_t shallow;
	if (type->preheader != 0 || !quick_leaf(decoder, head, type, &shallow))
		return false;
	return pool_starts_add(&range->objects, decoder, head->address, shallow, false);
}

/* Whether what was decoded cannot be: the allocator has the block in another size, or not in use. */
static bool is_refuted(struct block_range *range, struct reader *reader, const struct allocation *allocation)
{
	const bool is_refuted =
	        agreement_is_bad((enum agreement)allocation->agreement) ||
	        ((allocation->allocator == ALLOCATOR_MALLOC || allocation->allocator == ALLOCATOR_JEMALLOC ||
	          allocation->allocator == ALLOCATOR_UNKNOWN) &&
	         memory_map_is_free(range->memory, reader, allocation->block));
	range->own.disagreements += is_refuted;
	return is_refuted;
}

/* True: the block was not met before. */
static bool count_block(struct block_range *range, struct reader *reader, const struct allocation *allocation)
{
	if (allocation->allocator == ALLOCATOR_NONE || allocation->taken == 0)
		return false;
	const struct segment *segment = reader_segment(reader, allocation->block);
	if (segment == NULL || segment->data == NULL)
		return false;
	if (is_refuted(range, reader, allocation))
		return false;
	return add_block(range, segment, allocation->block, allocation->taken, (enum allocator)allocation->allocator);
}

/* Whether a block is another library's memory, of which a native block is made. */
static bool note_known(struct block_range *range, struct reader *reader, uint32_t node, const struct block *block,
                       const struct allocation *allocation)
{
	const bool is_native = allocation->allocator == ALLOCATOR_MALLOC || allocation->allocator == ALLOCATOR_MMAP ||
	                       allocation->allocator == ALLOCATOR_JEMALLOC ||
	                       allocation->allocator == ALLOCATOR_MIMALLOC_POOL ||
	                       allocation->allocator == ALLOCATOR_MIMALLOC || /* all that is large, there */
	                       allocation->allocator == ALLOCATOR_UNKNOWN;
	const bool is_mapping = allocation->allocator == ALLOCATOR_PAGES; /* mostly shared with children */
	const struct segment *segment = reader_segment(reader, allocation->block);
	if (segment == NULL || !(is_mapping || (is_native && segment->writable_private)) ||
	    (block->flags & BLOCK_COUNTED) != 0)
		return false;
	if (is_refuted(range, reader, allocation))
		return true;
	const struct known_block known = { .address = allocation->block,
		                           .bytes = allocation->taken,
		                           .asked = allocation->requested,
		                           .node = node,
		                           .allocator = allocation->allocator };
	if (!array_push(&range->own.known, known))
		range->status = ERROR_NO_MEMORY;
	return true;
}

/* The object itself, with what is in front of it. */
static void count_own(struct block_range *range, struct decoder *decoder, bool is_code)
{
	const struct decoded *out = &decoder->out;
	const bool has_head = range->has_heads && out->presize >= COLLECTOR_HEAD;
	if (!is_code && pool_starts_add(&range->objects, decoder, out->address - out->type->preheader,
	                                allocation_request(decoder), has_head))
		return;
	const struct allocation own = allocation_of_object(decoder);
	if (!count_block(range, &decoder->reader, &own))
		return;
	if (is_code) {
		range->own.codes[own.allocator]++;
		range->own.code_bytes[own.allocator] += own.taken;
	}
	if (has_head) {
		range->own.collector_heads[own.allocator]++;
		range->own.collector_bytes[own.allocator] += COLLECTOR_HEAD;
	}
}

/* Another block of it. */
static void count_other(struct block_range *range, struct decoder *decoder, uint32_t node, size_t index, bool is_code)
{
	const struct block *block = &decoder->out.blocks.items[index];
	if ((block->flags & BLOCK_INTERIOR) != 0)
		return;
	if ((block->flags & (BLOCK_PAGES | BLOCK_OPAQUE)) == 0 && !is_code &&
	    pool_starts_add(&range->others, decoder, block->address, block->bytes, false))
		return;
	const struct allocation allocation = allocation_of_block(decoder, index);
	if ((decoder->out.type->flags & TYPE_HAS_UNKNOWN_WORDS) != 0 &&
	    note_known(range, &decoder->reader, node, block, &allocation))
		return;
	if (count_block(range, &decoder->reader, &allocation) && is_code)
		range->own.code_bytes[allocation.allocator] += allocation.taken;
}

static void count_object(struct block_range *range, struct decoder *decoder, uint32_t node)
{
	const struct decoded *out = &decoder->out;
	if (out->type == NULL || (out->flags & DECODED_CORRUPT) != 0)
		return;
	const bool is_code = (out->type->flags & TYPE_IS_BOUNDARY) != 0 && strcmp(out->type->entry->id, "code") == 0;
	count_own(range, decoder, is_code);
	for (size_t i = 0; i < out->blocks.count; i++)
		count_other(range, decoder, node, i, is_code);
}

/* That an object has words which may lead to native blocks. */
static bool note_opaque(struct block_range *range, struct decoder *decoder, uint32_t node)
{
	const struct decoded *out = &decoder->out;
	range->all->opaque[node / 64] |= UINT64_C(1) << node % 64;
	range->own.opaque_count++;
	/* What ctypes has for a program may be pointers. */
	const bool is_ctypes = out->blocks.count > 0 && strcmp(out->type->entry->id, "ctypes_data") == 0;
	for (size_t i = 0; i < out->blocks.count; i++) {
		const struct block *block = &out->blocks.items[i];
		if ((block->flags & BLOCK_OPAQUE) == 0 && !is_ctypes)
			continue;
		const struct allocation allocation = allocation_of_block(decoder, i);
		if (allocation.allocator == ALLOCATOR_UNKNOWN || allocation.taken < GLIBC_CHUNK_SMALLEST)
			continue;
		const struct opaque_piece piece = { allocation.address, allocation.taken - GLIBC_CHUNK_HEADER / 2,
			                            node };
		if (!array_push(&range->own.pieces, piece))
			return false;
	}
	return true;
}

static void add_pooled(struct python_blocks *sums, struct pool_starts *starts)
{
	pool_starts_flush(starts);
	sums->blocks[ALLOCATOR_PYMALLOC] += starts->count;
	sums->bytes[ALLOCATOR_PYMALLOC] += starts->sum;
	sums->collector_heads[ALLOCATOR_PYMALLOC] += starts->head_count;
	sums->collector_bytes[ALLOCATOR_PYMALLOC] += starts->head_count * COLLECTOR_HEAD;
}

static void count_range(void *context, unsigned member)
{
	struct block_range *range = (struct block_range *)context + member;
	struct run_sink no_runs = { .is_closed = true };
	struct decoder decoder;
	struct object_cursor cursor;
	uint64_t done = 0;
	decoder_init(&decoder, range->graph->decoder->context);
	range->has_heads = !layout_feature(decoder.layout, FEATURE_FREE_THREADED);
	pool_starts_init(&range->objects, &range->all->starts);
	pool_starts_init(&range->others, &range->all->starts);
	decoder.sink = &no_runs;
	decoder.skip_class = true;
	object_cursor_init_at(&cursor, &range->graph->index, range->begin);
	for (uint32_t node = range->begin; range->status == OK && node < range->end; node++) {
		const struct object_head head = decode_head(&decoder, object_cursor_next(&cursor));
		if (head.bytes != NULL)
			__builtin_prefetch(head.bytes + AHEAD_BYTES);
		const struct type_info *type = head.bytes != NULL ? decode_head_type(&decoder, head.bytes) : NULL;
		if (type != NULL && count_leaf(range, &decoder, &head, type)) {
			range->status = progress_step(range->progress, &done);
			continue;
		}
		if (decode_typed_object(&decoder, &head, type))
			count_object(range, &decoder, node);
		if (type != NULL && (type->flags & TYPE_HAS_UNKNOWN_WORDS) != 0 && !note_opaque(range, &decoder, node))
			decoder.out_of_memory = true;
		range->status = decoder.out_of_memory ? ERROR_NO_MEMORY : progress_step(range->progress, &done);
	}
	add_pooled(&range->own, &range->objects);
	add_pooled(&range->own, &range->others);
	decoder.sink = NULL;
	decoder_clear(&decoder);
}

/* In order of the ranges, so that the numbers of all are in order. */
static bool add_up(struct python_blocks *blocks, const struct python_blocks *more)
{
	for (int i = 0; i < ALLOCATOR_COUNT; i++) {
		blocks->blocks[i] += more->blocks[i];
		blocks->bytes[i] += more->bytes[i];
		blocks->collector_heads[i] += more->collector_heads[i];
		blocks->collector_bytes[i] += more->collector_bytes[i];
		blocks->code_bytes[i] += more->code_bytes[i];
		blocks->codes[i] += more->codes[i];
	}
	blocks->disagreements += more->disagreements;
	for (size_t i = 0; i < more->known.count; i++)
		if (!array_push(&blocks->known, more->known.items[i]))
			return false;
	for (size_t i = 0; i < more->pieces.count; i++)
		if (!array_push(&blocks->pieces, more->pieces.items[i]))
			return false;
	blocks->opaque_count += more->opaque_count;
	return true;
}

static int compare_known(const void *left, const void *right)
{
	const struct known_block *a = left, *b = right;
	if (a->address != b->address)
		return a->address < b->address ? -1 : 1;
	return a->node < b->node ? -1 : a->node > b->node;
}

static void sort_known(struct python_blocks *blocks)
{
	if (blocks->known.count > 0)
		qsort(blocks->known.items, blocks->known.count, sizeof *blocks->known.items, compare_known);
	for (size_t i = 0; i < blocks->known.count; i++) {
		struct known_block *known = &blocks->known.items[i];
		known->is_shared = i > 0 && known[-1].address == known->address;
		if (!known->is_shared && known->allocator != ALLOCATOR_MALLOC && known->allocator != ALLOCATOR_MMAP &&
		    known->allocator != ALLOCATOR_MIMALLOC_POOL && known->allocator != ALLOCATOR_JEMALLOC)
			blocks->outside_bytes += known->bytes;
	}
}

int python_blocks_find(struct python_blocks *blocks, const struct heap_graph *graph, const struct memory_map *memory,
                       struct progress *progress, struct error *error)
{
	const uint64_t objects = graph->index.count;
	struct block_range ranges[CREW_MOST];
	unsigned count = address_space_is_immediate(graph->decoder->reader.space) ? crew_size() : 1;
	memset(blocks, 0, sizeof *blocks);
	if (count > objects / LEAST_RANGE + 1)
		count = (unsigned)(objects / LEAST_RANGE + 1);
	blocks->opaque = calloc(objects / 64 + 1, sizeof *blocks->opaque);
	if (blocks->opaque == NULL || !visited_open(&blocks->starts, graph->index.space)) {
		free(blocks->opaque);
		return error_set(error, ERROR_NO_MEMORY, "out of memory for the objects' blocks");
	}
	visited_share(&blocks->starts);
	/* No two threads have bits of one word of `opaque`. */
	for (unsigned i = 0; i < count; i++)
		ranges[i] = (struct block_range){ .graph = graph,
			                          .memory = memory,
			                          .progress = progress,
			                          .all = blocks,
			                          .begin = (uint32_t)(objects * i / count / 64 * 64),
			                          .end = i + 1 < count ? (uint32_t)(objects * (i + 1) / count / 64 * 64)
			                                               : (uint32_t)objects };
	crew_run(count, count_range, ranges);
	int status = OK;
	for (unsigned i = 0; i < count; i++) {
		status = status == OK ? ranges[i].status : status;
		if (!add_up(blocks, &ranges[i].own))
			status = ERROR_NO_MEMORY;
		array_free(&ranges[i].own.known);
		array_free(&ranges[i].own.pieces);
	}
	sort_known(blocks);
	if (status == OK)
		return OK;
	python_blocks_clear(blocks);
	return status == ERROR_CANCELLED ? progress_cancelled(error)
	                                 : error_set(error, ERROR_NO_MEMORY, "out of memory for the objects' blocks");
}

void python_blocks_clear(struct python_blocks *blocks)
{
	visited_close(&blocks->starts);
	free(blocks->opaque);
	blocks->opaque = NULL;
	array_free(&blocks->known);
	array_free(&blocks->pieces);
	memset(&blocks->starts, 0, sizeof blocks->starts);
}

bool python_blocks_has(const struct python_blocks *blocks, struct reader *reader, uint64_t address)
{
	const struct segment *segment = reader_segment(reader, address);
	return segment != NULL && segment->data != NULL &&
	       visited_has(&blocks->starts, visited_place(&blocks->starts, segment, address));
}
