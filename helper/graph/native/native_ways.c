/* SPDX-License-Identifier: MIT */
#include "graph/native/native_ways.h"

#include "decode/allocated.h"

enum {
	BODY_MOST = 1 << 16, /* bytes of a body that are looked at */
	PIECE_MOST = 64 << 20, /* of a block */
	READ_BYTES = 1 << 12,
	INSIDE_NEAR = 64, /* as in native_edges.c: further inside a word of a body is chance */
	SPARSE_BYTES = 4096,
	SPARSE_WORDS = 64, /* a larger block with fewer than one such word among so many has no structure */
};

struct search {
	const struct native_graph *graph;
	struct reader *reader;
	native_way_array *ways;
	struct progress *progress;
	uint64_t nearest; /* words may point so far inside a block */
	uint64_t steps;
};

static int look_at(struct search *search, uint64_t at, uint64_t word)
{
	const struct native_graph *graph = search->graph;
	const struct native_block *block = native_graph_find(graph, word);
	if (block == NULL)
		return OK;
	const uint64_t inside = word - block->address;
	/* The header of the next block is no place inside this one. */
	if (inside > 0 && (inside > search->nearest || inside >= native_block_bytes(block) - GLIBC_CHUNK_HEADER ||
	                   native_is_truth_value(word, inside)))
		return OK;
	const struct native_way way = { at, inside, (uint32_t)(block - graph->blocks.items) };
	return array_push(search->ways, way) ? OK : ERROR_NO_MEMORY;
}

static int look_through(struct search *search, uint64_t start, uint64_t bytes)
{
	const struct native_graph *graph = search->graph;
	if (graph->blocks.count == 0)
		return OK;
	const struct native_block *last = &graph->blocks.items[graph->blocks.count - 1];
	const uint64_t low = graph->blocks.items[0].address, span = last->address + native_block_bytes(last) - low;
	const uint64_t end = start + (bytes & ~UINT64_C(7));
	while (start < end) {
		/* Page by page: some may not be there. */
		const uint64_t stop = (start | (READ_BYTES - 1)) + 1;
		const uint64_t piece = (stop < end ? stop : end) - start;
		const uint8_t *words = reader_at(search->reader, start, piece);
		for (uint64_t i = 0; words != NULL && i + 8 <= piece; i += 8) {
			const uint64_t word = load_u64(words + i);
			if (word - low < span)
				TRY(look_at(search, start + i, word));
		}
		if (progress_look(search->progress, &search->steps) != OK)
			return ERROR_CANCELLED;
		start += piece;
	}
	return OK;
}

static int note_known(struct search *search, const struct allocation *allocation)
{
	const struct native_block *block = native_graph_find(search->graph, allocation->address);
	if (block == NULL)
		return OK;
	const struct native_way way = { .block = (uint32_t)(block - search->graph->blocks.items) };
	return array_push(search->ways, way) ? OK : ERROR_NO_MEMORY;
}

/* What the decoder knows, and the words that it does not. */
static int look_at_blocks(struct search *search, struct decoder *decoder)
{
	for (size_t i = 0; i < decoder->out.blocks.count; i++) {
		const struct block *block = &decoder->out.blocks.items[i];
		if ((block->flags & (BLOCK_COUNTED | BLOCK_INTERIOR)) != 0)
			continue;
		const struct allocation allocation = allocation_of_block(decoder, i);
		TRY(note_known(search, &allocation));
		const uint64_t room = opaque_block(&decoder->out, i) ? opaque_room(&allocation) : 0;
		TRY(look_through(search, allocation.address, room < PIECE_MOST ? room : PIECE_MOST));
	}
	return OK;
}

int native_ways_of_object(const struct native_graph *graph, struct decoder *decoder, uint64_t object,
                          native_way_array *ways, struct progress *progress)
{
	struct search search = {
		.graph = graph, .reader = &decoder->reader, .ways = ways, .progress = progress, .nearest = INSIDE_NEAR
	};
	if (!decode_object(decoder, object) || !decoded_has_unknown_words(&decoder->out))
		return decoder->out_of_memory ? ERROR_NO_MEMORY : OK;
	const uint64_t first = decoder->layout->struct_bytes[STRUCT_PyObject];
	const int64_t basic = decoder->out.type->tp_basicsize;
	const uint64_t body = basic > 0 && basic < BODY_MOST ? (uint64_t)basic : BODY_MOST;
	if (body > first)
		TRY(look_through(&search, object + first, body - first));
	return look_at_blocks(&search, decoder);
}

int native_ways_of_block(const struct native_graph *graph, struct reader *reader, uint32_t block,
                         native_way_array *ways, struct progress *progress)
{
	struct search search = {
		.graph = graph, .reader = reader, .ways = ways, .progress = progress, .nearest = UINT64_MAX
	};
	const struct native_block *from = &graph->blocks.items[block];
	const uint64_t room = native_block_room(from);
	const size_t before = ways->count;
	if (from->is_data)
		return OK;
	TRY(look_through(&search, from->address, room < PIECE_MOST ? room : PIECE_MOST));
	if (native_block_bytes(from) >= SPARSE_BYTES &&
	    (ways->count - before) * SPARSE_WORDS * 8 < native_block_bytes(from))
		ways->count = before;
	return OK;
}
