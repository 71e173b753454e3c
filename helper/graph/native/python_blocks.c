/* SPDX-License-Identifier: MIT */
#include "graph/native/python_blocks.h"

#include <stdlib.h>
#include <string.h>

#include "base/threads.h"
#include "decode/quick_size.h"
#include "graph/native/block_noter.h"

enum {
	LEAST_RANGE = 1 << 13, /* objects that are worth a thread */
	AHEAD_BYTES =
	        1024, /* memory is fetched: objects lie side by side, and a page ends what the processor foresees */
};

/* What one thread does: objects begin up to (not including) end, by number. */
struct block_range {
	const struct heap_graph *graph;
	struct progress *progress;
	struct block_noter noter;
	uint32_t begin, end;
	int status;
};

static void count_object(struct block_range *range, struct decoder *decoder, uint32_t node, uint64_t address)
{
	const struct object_head head = decode_head(decoder, address);
	uint64_t shallow;
	if (head.bytes == NULL)
		return;
	__builtin_prefetch(head.bytes + AHEAD_BYTES);
	const struct type_info *type = decode_head_type(decoder, head.bytes);
	if (type == NULL || (quick_leaf(decoder, &head, type, &shallow) &&
	                     block_noter_leaf(&range->noter, decoder, &head, type, shallow)))
		return;
	if (decode_typed_object(decoder, &head, type))
		block_noter_object(&range->noter, decoder, node);
}

static void count_range(void *context, unsigned member)
{
	struct block_range *range = (struct block_range *)context + member;
	struct run_sink no_runs = { .is_closed = true };
	struct decoder decoder;
	struct object_cursor cursor;
	uint64_t done = 0;
	decoder_init(&decoder, range->graph->decoder->context);
	decoder.sink = &no_runs;
	decoder.skip_class = true;
	object_cursor_init_at(&cursor, &range->graph->index, range->begin);
	for (uint32_t node = range->begin; range->status == OK && node < range->end; node++) {
		count_object(range, &decoder, node, object_cursor_next(&cursor));
		range->status = decoder.out_of_memory || range->noter.out_of_memory
		                        ? ERROR_NO_MEMORY
		                        : progress_step(range->progress, &done);
	}
	block_noter_end(&range->noter);
	decoder.sink = NULL;
	decoder_clear(&decoder);
}

bool python_blocks_add(struct python_blocks *blocks, const struct python_blocks *more)
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

void python_blocks_complete(struct python_blocks *blocks)
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

int python_blocks_open(struct python_blocks *blocks, const struct object_index *index, struct error *error)
{
	memset(blocks, 0, sizeof *blocks);
	blocks->opaque = calloc((size_t)index->count / 64 + 1, sizeof *blocks->opaque);
	if (blocks->opaque == NULL || !visited_open(&blocks->starts, index->space)) {
		free(blocks->opaque);
		blocks->opaque = NULL;
		return error_set(error, ERROR_NO_MEMORY, "out of memory for the objects' blocks");
	}
	visited_share(&blocks->starts);
	return OK;
}

int python_blocks_find(struct python_blocks *blocks, const struct heap_graph *graph, const struct memory_map *memory,
                       struct progress *progress, struct error *error)
{
	const uint64_t objects = graph->index.count;
	struct block_range ranges[CREW_MOST];
	unsigned count = address_space_is_immediate(graph->decoder->reader.space) ? crew_size() : 1;
	if (count > objects / LEAST_RANGE + 1)
		count = (unsigned)(objects / LEAST_RANGE + 1);
	TRY(python_blocks_open(blocks, &graph->index, error));
	for (unsigned i = 0; i < count; i++) {
		ranges[i] = (struct block_range){ .graph = graph,
			                          .progress = progress,
			                          .begin = python_blocks_part(objects, i, count),
			                          .end = python_blocks_part(objects, i + 1, count) };
		block_noter_init(&ranges[i].noter, blocks, memory, graph->decoder->layout);
	}
	crew_run(count, count_range, ranges);
	int status = OK;
	for (unsigned i = 0; i < count; i++) {
		status = status == OK ? ranges[i].status : status;
		if (!python_blocks_add(blocks, &ranges[i].noter.own))
			status = ERROR_NO_MEMORY;
		block_noter_clear(&ranges[i].noter);
	}
	if (status == OK) {
		python_blocks_complete(blocks);
		return OK;
	}
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
