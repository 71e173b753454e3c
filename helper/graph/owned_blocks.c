/* SPDX-License-Identifier: MIT */
#include "graph/owned_blocks.h"

#include <sys/mman.h>

#include "base/limits.h"

enum {
	MOST_DEPTH = 4, /* of blocks below one body: a vector of a boxed struct of an Arc */
	HEADER_BYTES = 64, /* in front of what a pointer leads to: what Rust and C++ keep there of their own */
};

/* The block that a word leads to, where it was not seen. Objects have blocks too: those were visited. */
static int note_block(struct owned_blocks *blocks, struct doubtful *doubtful, const struct visited *visited,
                      uint64_t word, uint32_t depth)
{
	struct decoder *decoder = doubtful->decoder;
	const struct segment *segment = reader_segment(&decoder->reader, word);
	struct allocator_block block;
	uint64_t inside;
	if (segment == NULL || segment->data == NULL || (segment->protection & PROT_WRITE) == 0 ||
	    visited_has(visited, visited_place(visited, segment, word)) ||
	    !allocators_block_at(&decoder->context->allocators, &decoder->reader, word, &block, &inside) ||
	    inside > HEADER_BYTES || block.allocator == ALLOCATOR_NONE || block.allocator == ALLOCATOR_UNKNOWN)
		return OK;
	if (address_map_get(&blocks->seen, block.address) != ADDRESS_MAP_NONE)
		return OK;
	const uint64_t bytes = block.taken < LIMIT_OWNED_BLOCK ? block.taken : LIMIT_OWNED_BLOCK;
	if (blocks->bytes + bytes > LIMIT_OWNED_BLOCKS)
		return OK;
	blocks->bytes += bytes;
	return address_map_set(&blocks->seen, block.address, 0) &&
	                       array_push(&blocks->waiting, ((struct owned_block){ block.address, bytes, depth }))
	               ? OK
	               : ERROR_NO_MEMORY;
}

/* Every word of a piece of memory: an object that was not known, or a block that is to be gone through. */
static int go_through(struct owned_blocks *blocks, struct doubtful *doubtful, const struct visited *visited,
                      const struct owned_block *piece, doubtful_reach_function *reach, void *context)
{
	struct reader *reader = &doubtful->decoder->reader;
	const uint8_t *words = reader_at(reader, piece->address, piece->bytes);
	for (uint64_t at = 0; words != NULL && at + 8 <= piece->bytes; at += 8) {
		const uint64_t word = load_u64(words + at);
		TRY(progress_look(doubtful->progress, &doubtful->steps));
		if (!doubtful_may_be_address(doubtful, word))
			continue;
		if (doubtful_is_unknown_object(doubtful, visited, word))
			TRY(reach(context, word));
		else if (piece->depth < MOST_DEPTH)
			TRY(note_block(blocks, doubtful, visited, word, piece->depth + 1));
	}
	return OK;
}

static int drain(struct owned_blocks *blocks, struct doubtful *doubtful, const struct visited *visited,
                 doubtful_reach_function *reach, void *context)
{
	while (blocks->waiting.count > 0) {
		const struct owned_block piece = blocks->waiting.items[--blocks->waiting.count];
		TRY(go_through(blocks, doubtful, visited, &piece, reach, context));
	}
	return OK;
}

int owned_blocks_reach(struct owned_blocks *blocks, struct doubtful *doubtful, const struct visited *visited,
                       doubtful_reach_function *reach, void *context)
{
	struct decoder *decoder = doubtful->decoder;
	while (blocks->done < blocks->owners.count) {
		const uint64_t owner = blocks->owners.items[blocks->done++];
		const struct object_head head = decode_head(decoder, owner);
		const struct type_info *type = head.bytes != NULL ? decode_head_type(decoder, head.bytes) : NULL;
		const uint64_t first = decoder->layout->struct_bytes[STRUCT_PyObject];
		if (type == NULL || type->body_bytes <= first)
			continue;
		const struct owned_block body = { .address = owner + first, .bytes = type->body_bytes - first };
		TRY(go_through(blocks, doubtful, visited, &body, reach, context));
		TRY(drain(blocks, doubtful, visited, reach, context));
	}
	return OK;
}

void owned_blocks_clear(struct owned_blocks *blocks)
{
	array_free(&blocks->owners);
	array_free(&blocks->waiting);
	address_map_clear(&blocks->seen);
}
