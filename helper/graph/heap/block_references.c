/* SPDX-License-Identifier: MIT */
#include "graph/heap/block_references.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "allocator/allocators.h"
#include "base/address_map.h"
#include "base/bits.h"
#include "base/limits.h"
#include "base/sort.h"

enum {
	MOST_DEPTH = 4, /* of blocks below one body: a vector of a boxed struct of an Arc */
	MOST_OWNERS = 4, /* of a block; what more objects lead to says nothing of whose it is */
	HEADER_BYTES = 64, /* in front of what a pointer leads to: what Rust and C++ keep there of their own */
	SPARSE_BYTES = 4096, /* a block at least as large, with fewer than one address in SPARSE_WORDS words, is data */
	SPARSE_WORDS = 64,
	FILTER_BITS = 1 << 16,
};

#define KNOWN_DATA (UINT32_MAX - 1) /* in search.seen */

/* A block that bodies lead to. */
struct owned {
	uint64_t address, bytes;
	uint32_t owners[MOST_OWNERS];
	uint8_t count; /* MOST_OWNERS + 1: more */
	uint8_t depth;
	bool is_waiting, is_searched;
};

/* A word in a block that is the address of an object with missing references. */
struct mention {
	uint32_t node, block;
	uint64_t word;
};

struct search {
	struct builder *builder;
	struct doubtful *doubtful;
	struct reader *reader;
	struct address_map held; /* objects with missing references: address to number */
	uint8_t filter[FILTER_BITS / 8]; /* of their addresses */
	struct address_map seen; /* blocks: address to index, or KNOWN_DATA */
	ARRAY(struct owned) blocks;
	number_array waiting; /* first come, first served: depths are the least */
	size_t next;
	uint64_t bytes;
	ARRAY(struct mention) mentions;
};

/* ---- What is missing ---- */

static uint32_t filter_bit(uint64_t address)
{
	return (uint32_t)(address_hash(address) % FILTER_BITS);
}

static int note_held(struct search *search)
{
	struct builder *builder = search->builder;
	const struct object_index *index = &builder->graph->index;
	for (uint32_t node = 0; node < index->count; node++) {
		if ((int32_t)builder->unexplained[node] <= 0)
			continue;
		const uint64_t address = object_index_address(index, node);
		const uint32_t bit = filter_bit(address);
		bits_add(search->filter, bit);
		if (!address_map_set(&search->held, address, node))
			return ERROR_NO_MEMORY;
	}
	return OK;
}

static uint32_t held_at(const struct search *search, uint64_t word)
{
	const uint32_t bit = filter_bit(word);
	return bits_has(search->filter, bit) ? address_map_get(&search->held, word) : UINT32_MAX;
}

/* ---- Blocks ---- */

/* Whether the set grew. */
static bool add_owner(struct owned *block, uint32_t owner)
{
	if (block->count > MOST_OWNERS)
		return false;
	for (uint8_t i = 0; i < block->count; i++)
		if (block->owners[i] == owner)
			return false;
	if (block->count < MOST_OWNERS)
		block->owners[block->count] = owner;
	block->count++;
	return true;
}

/* A block of a pool that cannot be gone through counts as free: its words say nothing. */
static bool is_free(const struct search *search, const struct allocator_block *block)
{
	const enum allocator allocator = (enum allocator)block->allocator;
	bool is_listed;
	if (allocator != ALLOCATOR_PYMALLOC && allocator != ALLOCATOR_MIMALLOC)
		return false;
	return !allocators_pool_block(search->doubtful->decoder->layout, search->reader, allocator, block->address,
	                              &is_listed) ||
	       is_listed;
}

/* The block in use that a word leads to, by index; UINT32_MAX: none that may be looked at. */
static int find_block(struct search *search, uint64_t word, uint32_t depth, uint32_t *ret_block)
{
	struct decoder *decoder = search->doubtful->decoder;
	const struct visited *objects = &search->builder->graph->index.objects;
	const struct segment *segment = reader_segment(search->reader, word);
	struct allocator_block found;
	uint64_t inside;
	*ret_block = UINT32_MAX;
	if (segment == NULL || segment->data == NULL || (segment->protection & PROT_WRITE) == 0 ||
	    visited_has(objects, visited_place(objects, segment, word)) ||
	    !allocators_block_at(&decoder->context->allocators, search->reader, word, &found, &inside) ||
	    inside > HEADER_BYTES || found.allocator == ALLOCATOR_NONE || found.allocator == ALLOCATOR_UNKNOWN)
		return OK;
	const uint32_t known = address_map_get(&search->seen, found.address);
	if (known != ADDRESS_MAP_NONE) {
		*ret_block = known != KNOWN_DATA ? known : UINT32_MAX;
		return OK;
	}
	const uint64_t bytes = found.taken < LIMIT_OWNED_BLOCK ? found.taken : LIMIT_OWNED_BLOCK;
	if (search->bytes + bytes > LIMIT_OWNED_BLOCKS || is_free(search, &found))
		return OK;
	search->bytes += bytes;
	*ret_block = (uint32_t)search->blocks.count;
	const struct owned made = { .address = found.address, .bytes = bytes, .depth = (uint8_t)depth };
	return address_map_set(&search->seen, found.address, *ret_block) && array_push(&search->blocks, made)
	               ? OK
	               : ERROR_NO_MEMORY;
}

static int wait(struct search *search, uint32_t block)
{
	struct owned *owned = &search->blocks.items[block];
	if (owned->is_waiting)
		return OK;
	owned->is_waiting = true;
	return array_push(&search->waiting, block) ? OK : ERROR_NO_MEMORY;
}

/* Words of a body, of the object `owner`. What the body itself mentions is a guess of its decoder. */
static int search_body(struct search *search, uint32_t owner, uint64_t address, uint64_t bytes)
{
	const uint8_t *words = reader_at(search->reader, address, bytes);
	for (uint64_t at = 0; words != NULL && at + 8 <= bytes; at += 8) {
		const uint64_t word = load_u64(words + at);
		uint32_t block;
		TRY(progress_look(search->doubtful->progress, &search->doubtful->steps));
		if (!doubtful_may_be_address(search->doubtful, word))
			continue;
		TRY(find_block(search, word, 1, &block));
		if (block != UINT32_MAX && add_owner(&search->blocks.items[block], owner))
			TRY(wait(search, block));
	}
	return OK;
}

static int note_mention(struct search *search, uint32_t block, uint64_t at, uint64_t word)
{
	const uint32_t node = held_at(search, word);
	return node == UINT32_MAX || array_push(&search->mentions, ((struct mention){ node, block, at }))
	               ? OK
	               : ERROR_NO_MEMORY;
}

/* Words of a block: hands its owners on, and at the first time notes what it mentions. */
static int search_block(struct search *search, uint32_t index)
{
	const struct owned from = search->blocks.items[index];
	const uint8_t *words = reader_at(search->reader, from.address, from.bytes);
	const size_t before = search->mentions.count;
	uint64_t addresses = 0;
	search->blocks.items[index].is_waiting = false;
	search->blocks.items[index].is_searched = true;
	for (uint64_t at = 0; words != NULL && at + 8 <= from.bytes; at += 8) {
		const uint64_t word = load_u64(words + at);
		uint32_t to;
		TRY(progress_look(search->doubtful->progress, &search->doubtful->steps));
		if (!doubtful_may_be_address(search->doubtful, word))
			continue;
		addresses += reader_segment(search->reader, word) != NULL;
		if (!from.is_searched)
			TRY(note_mention(search, index, from.address + at, word));
		if (from.depth >= MOST_DEPTH)
			continue;
		TRY(find_block(search, word, from.depth + 1u, &to));
		bool grew = false;
		for (uint8_t i = 0; to != UINT32_MAX && to != index && i < from.count && i < MOST_OWNERS; i++)
			grew |= add_owner(&search->blocks.items[to], from.owners[i]);
		if (to != UINT32_MAX && to != index && from.count > MOST_OWNERS &&
		    search->blocks.items[to].count <= MOST_OWNERS) {
			search->blocks.items[to].count = MOST_OWNERS + 1;
			grew = true;
		}
		if (grew)
			TRY(wait(search, to));
	}
	if (from.bytes >= SPARSE_BYTES && addresses * SPARSE_WORDS * 8 < from.bytes)
		search->mentions.count = before;
	return OK;
}

/* ---- Owners ---- */

/* What a decoder knows for the memory of a library, and is no struct of it, is data. */
static int note_data(struct search *search)
{
	struct decoder *decoder = search->doubtful->decoder;
	int status = OK;
	decoder->skip_blocks = false;
	for (size_t i = 0; status == OK && i < search->builder->opaque.count; i++) {
		status = progress_look(search->doubtful->progress, &search->doubtful->steps);
		if (!decode_object(decoder, search->builder->opaque.items[i]))
			continue;
		for (size_t k = 0; status == OK && k < decoder->out.blocks.count; k++) {
			const struct block *block = &decoder->out.blocks.items[k];
			if ((block->flags & BLOCK_OPAQUE) == 0 && block->address != 0 &&
			    !address_map_set(&search->seen, block->address, KNOWN_DATA))
				status = ERROR_NO_MEMORY;
		}
	}
	decoder->skip_blocks = true;
	return status;
}

static int search_owners(struct search *search)
{
	struct decoder *decoder = search->doubtful->decoder;
	const uint64_t first = decoder->layout->struct_bytes[STRUCT_PyObject];
	for (size_t i = 0; i < search->builder->opaque.count; i++) {
		const uint64_t address = search->builder->opaque.items[i];
		const uint32_t owner = object_index_find(&search->builder->graph->index, address);
		const struct object_head head = decode_head(decoder, address);
		const struct type_info *type = head.bytes != NULL ? decode_head_type(decoder, head.bytes) : NULL;
		if (type != NULL && owner != UINT32_MAX && type->body_bytes > first)
			TRY(search_body(search, owner, address + first, type->body_bytes - first));
	}
	while (search->next < search->waiting.count)
		TRY(search_block(search, search->waiting.items[search->next++]));
	return OK;
}

/* ---- Edges ---- */

static int compare_mentions(const void *left, const void *right)
{
	const struct mention *a = left, *b = right;
	if (a->node != b->node)
		return a->node < b->node ? -1 : 1;
	return a->word < b->word ? -1 : a->word > b->word;
}

static int compare_references(const void *left, const void *right)
{
	const struct block_reference *a = left, *b = right;
	if (a->owner != b->owner)
		return a->owner < b->owner ? -1 : 1;
	if (a->target != b->target)
		return a->target < b->target ? -1 : 1;
	return a->word < b->word ? -1 : a->word > b->word;
}

/* The mentions of one object: they stand where it is known of all of them whose they are. */
static int settle_object(struct search *search, size_t begin, size_t end)
{
	struct builder *builder = search->builder;
	const uint32_t node = search->mentions.items[begin].node;
	for (size_t i = begin; i < end; i++)
		if (search->blocks.items[search->mentions.items[i].block].count > MOST_OWNERS)
			return OK;
	for (size_t i = begin; i < end; i++) {
		const struct mention *mention = &search->mentions.items[i];
		const struct owned *block = &search->blocks.items[mention->block];
		builder->unexplained[node] -= (int32_t)builder->unexplained[node] > 0;
		for (uint8_t k = 0; k < block->count; k++) {
			const struct block_reference reference = { .owner = block->owners[k],
				                                   .target = node,
				                                   .block = block->address,
				                                   .word = mention->word };
			if (!array_push(&builder->graph->block_references, reference))
				return ERROR_NO_MEMORY;
		}
	}
	return OK;
}

static int settle(struct search *search)
{
	const struct progress *progress = search->doubtful->progress;
	block_reference_array *references = &search->builder->graph->block_references;
	const size_t count = search->mentions.count;
	TRY(sort_items(search->mentions.items, count, sizeof *search->mentions.items, compare_mentions, progress));
	for (size_t begin = 0, end = 0; begin < count; begin = end) {
		for (end = begin + 1; end < count; end++)
			if (search->mentions.items[end].node != search->mentions.items[begin].node)
				break;
		TRY(settle_object(search, begin, end));
	}
	return sort_items(references->items, references->count, sizeof *references->items, compare_references,
	                  progress);
}

/* Puts the edges behind the others of their owners: from the last row on, in place. */
static int write_edges(struct builder *builder)
{
	const block_reference_array *references = &builder->graph->block_references;
	struct edge_writer *edges = &builder->edges;
	size_t left = references->count;
	if (left == 0)
		return OK;
	if (!edge_writer_reserve(edges, left))
		return ERROR_NO_MEMORY;
	uint64_t end = edges->count;
	uint32_t node = builder->graph->index.count;
	edges->count += left;
	while (left > 0) {
		const uint32_t owner = references->items[left - 1].owner;
		const uint64_t row_end = owner + 1 < builder->graph->index.count ? builder->first[owner + 1] : end;
		memmove(edges->targets + row_end + left, edges->targets + row_end,
		        (end - row_end) * sizeof *edges->targets);
		while (--node > owner)
			builder->first[node] += (uint32_t)left;
		for (node++; left > 0 && references->items[left - 1].owner == owner; left--)
			edges->targets[row_end + left - 1] = references->items[left - 1].target;
		end = row_end;
	}
	return OK;
}

int builder_find_block_references(struct builder *builder)
{
	if (builder->opaque.count == 0)
		return OK;
	struct search *search = calloc(1, sizeof *search);
	if (search == NULL)
		return ERROR_NO_MEMORY;
	search->builder = builder;
	search->doubtful = &builder->words;
	search->reader = &builder->decoder->reader;
	int status = note_held(search);
	if (status == OK && search->held.count > 0) {
		status = note_data(search);
		status = status == OK ? search_owners(search) : status;
		status = status == OK ? settle(search) : status;
		status = status == OK ? write_edges(builder) : status;
	}
	address_map_clear(&search->held);
	address_map_clear(&search->seen);
	array_free(&search->blocks);
	array_free(&search->waiting);
	array_free(&search->mentions);
	free(search);
	return status;
}

size_t block_references_of(const struct heap_graph *graph, uint32_t owner)
{
	return array_first_not_below(&graph->block_references, owner, owner);
}

bool block_reference_run(const struct block_reference *reference, struct reader *reader, struct run *ret_run)
{
	const uint8_t *slot = reader_at(reader, reference->word, 8);
	*ret_run = (struct run){ .slots = slot,
		                 .address = reference->word,
		                 .count = 1,
		                 .stride = 8,
		                 .label = LABEL_BLOCK_WORD,
		                 .argument = reference->block };
	return slot != NULL;
}
