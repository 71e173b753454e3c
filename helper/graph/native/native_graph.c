/* SPDX-License-Identifier: MIT */
#include "graph/native/native_graph.h"

#include <stdlib.h>
#include <string.h>

#include "allocator/glibc_chunks.h"
#include "base/sort.h"
#include "graph/native/pool_blocks.h"
#include "graph/native/syntax_trees.h"
#include "runtime/free_lists.h"

enum {
	LEAST_BYTES = 16, /* of a block; two words of jemalloc's smallest are left out */
	SMALL_BYTES = 256, /* of a chunk: most of it is at hand where its header was read */
};

struct builder {
	struct native_graph *graph;
	const struct native_sources *sources;
	struct progress *progress;
	struct error *error;
	struct native_edges edges;
	uint64_t low, span; /* all that was mapped lies in between */
	uint64_t steps;
};

static int no_memory(struct builder *builder)
{
	return error_set(builder->error, ERROR_NO_MEMORY, "out of memory for native blocks");
}

/* ---- Blocks ---- */

static int compare_blocks(const void *left, const void *right)
{
	const uint64_t a = ((const struct native_block *)left)->address,
	               b = ((const struct native_block *)right)->address;
	return a < b ? -1 : a > b;
}

static int sort_blocks(struct builder *builder)
{
	struct native_graph *graph = builder->graph;
	if (sort_items(graph->blocks.items, graph->blocks.count, sizeof *graph->blocks.items, compare_blocks,
	               builder->progress) < 0)
		return progress_cancelled(builder->error);
	return OK;
}

static int add_block(struct builder *builder, struct reader *reader, const struct allocator_block *block)
{
	struct native_graph *graph = builder->graph;
	/* The index has one place for 16 bytes. */
	if (block->taken < LEAST_BYTES || block->address > NATIVE_ADDRESS_MOST ||
	    python_blocks_has(builder->sources->python, reader, block->address))
		return OK;
	if (graph->blocks.count >= NATIVE_MOST - 1)
		return error_set(builder->error, ERROR_LIMIT, "more than 2^29 native blocks");
	if (!array_push(&graph->blocks,
	                native_block_of(block->address, block->taken, (enum allocator)block->allocator)))
		return no_memory(builder);
	return progress_look(builder->progress, &builder->steps) == OK ? OK : progress_cancelled(builder->error);
}

/* Whether no word of a small chunk is an address: of many none is, and it need not be fetched once more. */
static bool is_data(const struct builder *builder, struct reader *reader, const struct glibc_chunk *chunk)
{
	const uint64_t bytes = (chunk->bytes - GLIBC_CHUNK_HEADER / 2) & ~UINT64_C(7);
	const uint8_t *words = chunk->bytes <= SMALL_BYTES ? reader_at(reader, chunk->address, bytes) : NULL;
	bool has_address = words == NULL;
	for (uint64_t i = 0; words != NULL && i < bytes; i += 8)
		has_address |= load_u64(words + i) - builder->low < builder->span;
	return !has_address;
}

/* Of one malloc: those in heaps and those mapped alone, each in order of address. */
static int collect_chunks(struct builder *builder, struct reader *reader, const struct glibc_walk *walk)
{
	struct glibc_cursor cursor;
	struct glibc_chunk chunk;
	size_t mapped = 0;
	if (!array_reserve(&builder->graph->blocks,
	                   builder->graph->blocks.count + walk->all.used_blocks + walk->mapped.count))
		return no_memory(builder);
	glibc_cursor_init(&cursor, walk, reader, 0);
	bool has_chunk = glibc_cursor_next(&cursor, &chunk);
	while (has_chunk || mapped < walk->mapped.count) {
		const bool is_heap = has_chunk && (mapped >= walk->mapped.count ||
		                                   chunk.address < walk->mapped.items[mapped].address);
		const struct glibc_chunk *next = is_heap ? &chunk : &walk->mapped.items[mapped++];
		const struct allocator_block block = { next->address, next->bytes,
			                               is_heap ? ALLOCATOR_MALLOC : ALLOCATOR_MMAP };
		const size_t before = builder->graph->blocks.count;
		TRY(add_block(builder, reader, &block));
		if (is_heap && builder->graph->blocks.count > before)
			builder->graph->blocks.items[before].is_data = is_data(builder, reader, &chunk);
		if (is_heap)
			has_chunk = glibc_cursor_next(&cursor, &chunk);
	}
	return OK;
}

static bool is_in_order(const struct native_graph *graph)
{
	for (size_t i = 1; i < graph->blocks.count; i++)
		if (graph->blocks.items[i - 1].address >= graph->blocks.items[i].address)
			return false;
	return true;
}

/* Sizes of blocks are far apart there, and a library counts what it asked for: so do its objects. */
static void cut_to_asked(struct native_graph *graph, struct native_block *block, const struct known_block *known)
{
	const bool has_sizes = block->allocator == ALLOCATOR_JEMALLOC || block->allocator == ALLOCATOR_MIMALLOC ||
	                       block->allocator == ALLOCATOR_MIMALLOC_POOL;
	const uint64_t inside = known->address - block->address, bytes = native_block_bytes(block);
	if (!has_sizes || known->asked == 0 || inside >= bytes || known->asked > bytes - inside)
		return;
	graph->rounding[block->allocator] += bytes - known->asked;
	block->address = known->address;
	native_block_set_bytes(block, known->asked);
}

/* Blocks that decoders know: those of a malloc are there already, the others (of a library's own pool) are added. */
static int add_known(struct builder *builder)
{
	struct native_graph *graph = builder->graph;
	const struct python_blocks *python = builder->sources->python;
	const size_t found = graph->blocks.count;
	uint64_t end = 0;
	for (size_t i = 0; i < python->known.count; i++) {
		const struct known_block *known = &python->known.items[i];
		struct native_block *same = known->is_shared ? NULL : native_graph_among(graph, found, known->address);
		if (same != NULL) {
			cut_to_asked(graph, same, known);
			same->is_data = true; /* its words were looked at with the object, or are none */
		}
		/* What overlaps one before is a view of it. */
		if (known->is_shared || same != NULL || known->address < end || known->address > NATIVE_ADDRESS_MOST)
			continue;
		end = known->address + known->bytes;
		struct native_block block = native_block_of(known->address, known->bytes, ALLOCATOR_UNKNOWN);
		block.is_data = true;
		if (!array_push(&graph->blocks, block))
			return no_memory(builder);
	}
	return graph->blocks.count > found ? sort_blocks(builder) : OK;
}

/* Few, among what may be millions: they are put in from behind, in place. */
static bool merge(struct native_graph *graph, const native_block_array *more)
{
	size_t left = graph->blocks.count, from = more->count, to = left + from;
	if (!array_reserve(&graph->blocks, to))
		return false;
	graph->blocks.count = to;
	while (from > 0)
		if (left > 0 && graph->blocks.items[left - 1].address > more->items[from - 1].address)
			graph->blocks.items[--to] = graph->blocks.items[--left];
		else
			graph->blocks.items[--to] = more->items[--from];
	return true;
}

static int add_pooled(struct builder *builder)
{
	native_block_array pooled = { 0 };
	int status = pool_blocks_find(&pooled, builder->sources, builder->progress, builder->error);
	if (status == OK && pooled.count >= NATIVE_MOST - 1 - builder->graph->blocks.count)
		status = error_set(builder->error, ERROR_LIMIT, "more than 2^29 native blocks");
	if (status == OK &&
	    sort_items(pooled.items, pooled.count, sizeof *pooled.items, compare_blocks, builder->progress) < 0)
		status = progress_cancelled(builder->error);
	if (status == OK && !merge(builder->graph, &pooled))
		status = no_memory(builder);
	array_free(&pooled);
	return status;
}

/* Takes out what Python keeps in its free lists: nothing leads to most of it, and it is no C code's. */
static int drop_kept(struct builder *builder, struct reader *reader)
{
	struct native_graph *graph = builder->graph;
	const struct memory_map *memory = builder->sources->memory;
	const struct runtime *runtime = builder->sources->heap->decoder->context->runtime;
	struct free_lists lists;
	size_t first = graph->blocks.count;
	TRY(free_lists_read(&lists, runtime, builder->error));
	for (size_t i = 0; i < lists.entries.count; i++) {
		struct allocator_block block;
		if (!memory_map_block(memory, reader, lists.entries.items[i], &block))
			continue;
		struct native_block *kept = native_graph_among(graph, graph->blocks.count, block.address);
		if (kept == NULL || kept->address != block.address || kept->holder == NATIVE_KEPT)
			continue;
		graph->kept[kept->allocator].blocks++;
		graph->kept[kept->allocator].bytes += native_block_bytes(kept);
		kept->holder = NATIVE_KEPT;
		if ((size_t)(kept - graph->blocks.items) < first)
			first = (size_t)(kept - graph->blocks.items);
	}
	free_lists_clear(&lists);
	size_t left = first;
	for (size_t i = first; i < graph->blocks.count; i++) {
		if (graph->blocks.items[i].holder != NATIVE_KEPT)
			graph->blocks.items[left++] = graph->blocks.items[i];
		else if (!array_push(&graph->free_listed, graph->blocks.items[i]))
			return no_memory(builder);
	}
	graph->blocks.count = left;
	return OK;
}

static int collect_blocks(struct builder *builder)
{
	struct native_graph *graph = builder->graph;
	const struct memory_map *memory = builder->sources->memory;
	struct reader reader;
	if (memory->regions.count > 0) {
		builder->low = memory->regions.items[0].start;
		builder->span = memory->regions.items[memory->regions.count - 1].end - builder->low;
	}
	reader_init(&reader, memory->allocators->space);
	for (size_t i = 0; i < memory->walks.count; i++)
		if (memory->walks.items[i].is_confirmed)
			TRY(collect_chunks(builder, &reader, &memory->walks.items[i]));
	struct jemalloc_cursor cursor = { .jemalloc = &memory->allocators->jemalloc, .reader = &reader };
	struct allocator_block block = { .allocator = ALLOCATOR_JEMALLOC };
	while (jemalloc_cursor_next(&cursor, &block.address, &block.taken))
		TRY(add_block(builder, &reader, &block));
	if (!is_in_order(graph))
		TRY(sort_blocks(builder));
	TRY(add_pooled(builder));
	TRY(drop_kept(builder, &reader));
	TRY(add_known(builder));
	syntax_trees_mark(builder->graph, &reader);
	return OK;
}

/* Whether a block gets a place in the index: granules are in order, as blocks are. */
static bool place_block(struct native_graph *graph, struct reader *reader, uint64_t address, uint64_t *last)
{
	const struct segment *segment = reader_segment(reader, address);
	if (segment == NULL || segment->data == NULL || segment_granule(segment, address) == *last)
		return false;
	*last = segment_granule(segment, address);
	(void)visited_add(&graph->index.objects, visited_place(&graph->index.objects, segment, address));
	return true;
}

static int number_blocks(struct builder *builder)
{
	struct native_graph *graph = builder->graph;
	const struct address_space *space = builder->sources->memory->allocators->space;
	uint64_t last = UINT64_MAX;
	uint32_t placed = 0;
	struct reader reader;
	TRY(object_index_open(&graph->index, space, builder->error));
	reader_init(&reader, space);
	for (uint32_t i = 0; i < graph->blocks.count; i++) {
		if (place_block(graph, &reader, graph->blocks.items[i].address, &last)) {
			if (graph->placed != NULL)
				graph->placed[placed] = i;
			placed++;
		} else if (graph->placed == NULL) {
			graph->placed = malloc(graph->blocks.count * sizeof *graph->placed);
			if (graph->placed == NULL)
				return no_memory(builder);
			for (uint32_t before = 0; before < i; before++)
				graph->placed[before] = before;
		}
	}
	return object_index_number(&graph->index, builder->error);
}

/* Of use to native_edges_find() only. */
static void drop_index(struct native_graph *graph)
{
	object_index_close(&graph->index);
	free(graph->placed);
	graph->index = (struct object_index){ .space = NULL };
	graph->placed = NULL;
}

static void add_total(struct native_total *total, const struct native_total *more)
{
	total->blocks += more->blocks;
	total->bytes += more->bytes;
}

static void sum_up(struct native_graph *graph)
{
	for (size_t i = 0; i < graph->blocks.count; i++) {
		const struct native_block *block = &graph->blocks.items[i];
		const struct native_total one = { 1, native_block_bytes(block) };
		add_total(&graph->by_allocator[block->holder][block->allocator], &one);
		if (block->is_exact)
			add_total(&graph->exact, &one);
	}
	for (int holder = 0; holder <= NATIVE_UNSEEN; holder++) {
		for (int allocator = 0; allocator < ALLOCATOR_COUNT; allocator++)
			add_total(&graph->holders[holder], &graph->by_allocator[holder][allocator]);
		add_total(&graph->all, &graph->holders[holder]);
	}
}

static int build(struct builder *builder)
{
	struct native_graph *graph = builder->graph;
	TRY(collect_blocks(builder));
	TRY(number_blocks(builder));
	TRY(native_edges_find(&builder->edges, graph, builder->sources, builder->progress, builder->error));
	drop_index(graph);
	graph->edge_count = builder->edges.from_objects.count + builder->edges.from_garbage.count +
	                    builder->edges.from_blocks.count + builder->edges.from_files.count;
	TRY(native_claims_find(graph, builder->sources, &builder->edges, builder->progress, builder->error));
	sum_up(graph);
	return OK;
}

int native_graph_open(struct native_graph **ret_graph, const struct native_sources *sources, struct progress *progress,
                      struct error *error)
{
	*ret_graph = NULL;
	struct builder builder = { .sources = sources, .progress = progress, .error = error };
	builder.graph = calloc(1, sizeof *builder.graph);
	if (builder.graph == NULL)
		return no_memory(&builder);
	const int status = build(&builder);
	native_edges_clear(&builder.edges);
	if (status != OK) {
		native_graph_close(builder.graph);
		return status;
	}
	*ret_graph = builder.graph;
	return OK;
}

void native_graph_close(struct native_graph *graph)
{
	if (graph == NULL)
		return;
	array_free(&graph->blocks);
	array_free(&graph->free_listed);
	drop_index(graph);
	free(graph);
}

bool native_graph_open_counts(const struct native_graph *graph, struct byte_counts *counts, uint64_t count)
{
	uint64_t bits = 0;
	for (size_t i = 0; i < graph->blocks.count; i++)
		bits |= native_block_bytes(&graph->blocks.items[i]);
	return byte_counts_open(counts, count, graph->all.bytes, bits);
}
