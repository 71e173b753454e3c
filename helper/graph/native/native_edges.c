/* SPDX-License-Identifier: MIT
 * Looks for the addresses of native blocks. Memory whose words are known is not looked at: bodies of str,
 * bytes, numbers, containers and classes, and every block that an object owns and that is not another library's. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "graph/native/native_graph.h"

enum {
	BODY_MOST = 1 << 16, /* bytes of a body that are looked at */
	/* Libraries put a word of their own or an alignment before what an object keeps; further inside it is chance:
	 * where the heap lies low, two small numbers side by side look like an address. */
	INSIDE_FROM_BODY = 64,
	OPAQUE_MOST = 64 << 20, /* of a block that an object owns for a library */
};

struct scanner {
	const struct native_graph *graph;
	const struct native_sources *sources;
	struct reader reader;
	struct progress *progress;
	struct error *error;
	uint64_t low, span; /* all blocks lie in between */
	uint64_t most_inside; /* bytes into a block that a word may point */
	uint64_t steps;
};

static int no_memory(struct scanner *scanner)
{
	return error_set(scanner->error, ERROR_NO_MEMORY, "out of memory for words that point to native blocks");
}

/* The block that a word points to, with NATIVE_INSIDE; UINT32_MAX: none. */
static uint32_t block_of(struct scanner *scanner, uint64_t word)
{
	const struct object_index *index = &scanner->graph->index;
	const struct segment *segment = reader_segment(&scanner->reader, word);
	if (segment == NULL || segment->data == NULL)
		return UINT32_MAX;
	const uint64_t granule = segment_granule(segment, word);
	const uint32_t before = object_index_rank(index, granule);
	if (before < scanner->graph->blocks.count && scanner->graph->blocks.items[before].address == word)
		return before;
	if (before == 0)
		return UINT32_MAX;
	/* The granule's own block begins at it, or this word's block before it. */
	uint32_t number = before - 1;
	if (before < scanner->graph->blocks.count && scanner->graph->blocks.items[before].address < word)
		number = before;
	const struct native_block *block = &scanner->graph->blocks.items[number];
	/* The header of the next block is no place inside this one: malloc's own lists leave its address behind. */
	const uint64_t inside = word - block->address;
	return inside < block->bytes - GLIBC_CHUNK_HEADER && inside <= scanner->most_inside ? number | NATIVE_INSIDE
	                                                                                    : UINT32_MAX;
}

static int scan_words(struct scanner *scanner, uint64_t start, uint64_t bytes, uint32_t source,
                      native_edge_array *edges)
{
	const uint8_t *words = bytes >= 8 ? reader_at(&scanner->reader, start, bytes) : NULL;
	if (words == NULL)
		return OK;
	for (uint64_t at = 0; at + 8 <= bytes; at += 8) {
		const uint64_t word = load_u64(words + at);
		if (__builtin_expect(word - scanner->low >= scanner->span, 1))
			continue;
		const uint32_t target = block_of(scanner, word);
		if (target == UINT32_MAX)
			continue;
		if (edges->count >= LIMIT_NATIVE_EDGES)
			return error_set(scanner->error, ERROR_LIMIT,
			                 "more than %d words point to native blocks: this is no heap that can be "
			                 "followed",
			                 LIMIT_NATIVE_EDGES);
		if (!array_push(edges, (struct native_edge){ source, target }))
			return no_memory(scanner);
	}
	return OK;
}

static int scan_object(struct scanner *scanner, struct decoder *decoder, uint32_t number, native_edge_array *edges)
{
	const struct decoded *out = &decoder->out;
	const struct type_info *type = out->type;
	const uint64_t body =
	        type->tp_basicsize > 0 && type->tp_basicsize < BODY_MOST ? (uint64_t)type->tp_basicsize : BODY_MOST;
	const uint64_t head = decoder->layout->struct_bytes[STRUCT_PyObject];
	/* What ctypes has for a program may be pointers. */
	const bool is_ctypes = strcmp(type->entry->id, "ctypes_data") == 0;
	if (body > head)
		TRY(scan_words(scanner, out->address + head, body - head, number, edges));
	for (size_t i = 0; i < out->blocks.count; i++) {
		const struct block *block = &out->blocks.items[i];
		if ((block->flags & BLOCK_OPAQUE) == 0 && !is_ctypes)
			continue;
		const struct allocation allocation = allocation_of_block(decoder, i);
		if (allocation.allocator == ALLOCATOR_UNKNOWN || allocation.taken < GLIBC_CHUNK_SMALLEST)
			continue;
		const uint64_t bytes = allocation.taken - GLIBC_CHUNK_HEADER / 2;
		TRY(scan_words(scanner, allocation.address, (bytes < OPAQUE_MOST ? bytes : OPAQUE_MOST) & ~UINT64_C(7),
		               number, edges));
	}
	return OK;
}

static int scan_objects(struct scanner *scanner, native_edge_array *edges)
{
	const struct heap_graph *heap = scanner->sources->heap;
	const struct python_blocks *python = scanner->sources->python;
	struct run_sink no_runs = { .is_closed = true };
	struct decoder decoder;
	int status = OK;
	decoder_init(&decoder, heap->decoder->context);
	decoder.sink = &no_runs;
	decoder.skip_class = true;
	for (size_t i = 0; status == OK && i < python->opaque.count; i++) {
		const uint32_t node = python->opaque.items[i];
		const uint32_t number = scanner->sources->dominators->number[node];
		if (progress_step(scanner->progress, &scanner->steps) != OK)
			status = progress_cancelled(scanner->error);
		if (number != UINT32_MAX && decode_object(&decoder, object_index_address(&heap->index, node)))
			status = scan_object(scanner, &decoder, number, edges);
	}
	if (status == OK && decoder.out_of_memory)
		status = no_memory(scanner);
	decoder.sink = NULL;
	decoder_clear(&decoder);
	return status;
}

static int add_known(struct scanner *scanner, native_edge_array *edges)
{
	const struct python_blocks *python = scanner->sources->python;
	for (size_t i = 0; i < python->known.count; i++) {
		const struct known_block *known = &python->known.items[i];
		const struct native_block *block = native_graph_find(scanner->graph, known->address);
		const uint32_t number = scanner->sources->dominators->number[known->node];
		if (block == NULL || number == UINT32_MAX)
			continue;
		const uint32_t target = (uint32_t)(block - scanner->graph->blocks.items);
		if (!array_push(edges, (struct native_edge){ number, target }))
			return no_memory(scanner);
	}
	return OK;
}

static int scan_blocks(struct scanner *scanner, native_edge_array *edges)
{
	for (size_t i = 0; i < scanner->graph->blocks.count; i++) {
		const struct native_block *block = &scanner->graph->blocks.items[i];
		if (block->is_data)
			continue;
		if (progress_step(scanner->progress, &scanner->steps) != OK)
			return progress_cancelled(scanner->error);
		TRY(scan_words(scanner, block->address, native_block_room(block) & ~UINT64_C(7), (uint32_t)i, edges));
	}
	return OK;
}

/* Variables of programs and libraries. */
static int scan_files(struct scanner *scanner, native_edge_array *edges)
{
	const struct memory_map *memory = scanner->sources->memory;
	for (size_t i = 0; i < memory->regions.count; i++) {
		const struct region *region = &memory->regions.items[i];
		if (region->kind == REGION_FILE && region->is_writable &&
		    region->end - region->start <= LIMIT_BSS_BYTES)
			TRY(scan_words(scanner, region->start, (region->end - region->start) & ~UINT64_C(7),
			               region->index, edges));
		if (progress_is_cancelled(scanner->progress))
			return progress_cancelled(scanner->error);
	}
	return OK;
}

int native_edges_find(struct native_edges *edges, const struct native_graph *graph,
                      const struct native_sources *sources, struct progress *progress, struct error *error)
{
	struct scanner scanner = { .graph = graph, .sources = sources, .progress = progress, .error = error };
	memset(edges, 0, sizeof *edges);
	if (graph->blocks.count == 0)
		return OK;
	const struct native_block *last = &graph->blocks.items[graph->blocks.count - 1];
	reader_init(&scanner.reader, graph->index.space);
	scanner.low = graph->blocks.items[0].address;
	scanner.span = last->address + last->bytes - scanner.low;
	scanner.most_inside = INSIDE_FROM_BODY;
	int status = add_known(&scanner, &edges->exact);
	if (status == OK)
		status = scan_objects(&scanner, &edges->from_objects);
	scanner.most_inside = UINT64_MAX;
	if (status == OK)
		status = scan_blocks(&scanner, &edges->from_blocks);
	if (status == OK)
		status = scan_files(&scanner, &edges->from_files);
	if (status != OK)
		native_edges_clear(edges);
	return status;
}

void native_edges_clear(struct native_edges *edges)
{
	array_free(&edges->exact);
	array_free(&edges->from_objects);
	array_free(&edges->from_blocks);
	array_free(&edges->from_files);
}
