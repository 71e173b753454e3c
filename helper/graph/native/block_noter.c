/* SPDX-License-Identifier: MIT */
#include "graph/native/block_noter.h"

#include <string.h>

enum { COLLECTOR_HEAD = 16 }; /* PyGC_Head */

void block_noter_init(struct block_noter *noter, struct python_blocks *all, const struct memory_map *memory,
                      const struct layout *layout)
{
	*noter = (struct block_noter){ .all = all, .memory = memory };
	noter->has_heads = !layout_feature(layout, FEATURE_FREE_THREADED);
	pool_starts_init(&noter->objects, &all->starts);
	pool_starts_init(&noter->others, &all->starts);
}

static bool add_block(struct block_noter *noter, const struct segment *segment, uint64_t block, uint64_t taken,
                      enum allocator allocator)
{
	if (!visited_add_shared(&noter->all->starts, visited_place(&noter->all->starts, segment, block)))
		return false;
	noter->own.blocks[allocator]++;
	noter->own.bytes[allocator] += taken;
	return true;
}

/* Whether what was decoded cannot be: the allocator has the block in another size, or not in use. */
static bool is_refuted(struct block_noter *noter, struct reader *reader, const struct allocation *allocation)
{
	const bool is_refuted =
	        agreement_is_bad((enum agreement)allocation->agreement) ||
	        ((allocation->allocator == ALLOCATOR_MALLOC || allocation->allocator == ALLOCATOR_JEMALLOC ||
	          allocation->allocator == ALLOCATOR_UNKNOWN) &&
	         memory_map_is_free(noter->memory, reader, allocation->block));
	noter->own.disagreements += is_refuted;
	return is_refuted;
}

/* True: the block was not met before. */
static bool count_block(struct block_noter *noter, struct reader *reader, const struct allocation *allocation)
{
	if (allocation->allocator == ALLOCATOR_NONE || allocation->taken == 0)
		return false;
	const struct segment *segment = reader_segment(reader, allocation->block);
	if (segment == NULL || segment->data == NULL)
		return false;
	if (is_refuted(noter, reader, allocation))
		return false;
	return add_block(noter, segment, allocation->block, allocation->taken, (enum allocator)allocation->allocator);
}

/* Whether a block is another library's memory, of which a native block is made. */
static bool note_known(struct block_noter *noter, struct reader *reader, uint32_t node, const struct block *block,
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
	if (is_refuted(noter, reader, allocation))
		return true;
	const struct known_block known = { .address = allocation->block,
		                           .bytes = allocation->taken,
		                           .asked = allocation->requested,
		                           .node = node,
		                           .allocator = allocation->allocator };
	if (!array_push(&noter->own.known, known))
		noter->out_of_memory = true;
	return true;
}

/* The object itself, with what is in front of it. */
static void count_own(struct block_noter *noter, struct decoder *decoder, bool is_code)
{
	const struct decoded *out = &decoder->out;
	const bool has_head = noter->has_heads && out->presize >= COLLECTOR_HEAD;
	if (!is_code && pool_starts_add(&noter->objects, decoder, out->address - out->type->preheader,
	                                allocation_request(decoder), has_head))
		return;
	const struct allocation own = allocation_of_object(decoder);
	if (!count_block(noter, &decoder->reader, &own))
		return;
	if (is_code) {
		noter->own.codes[own.allocator]++;
		noter->own.code_bytes[own.allocator] += own.taken;
	}
	if (has_head) {
		noter->own.collector_heads[own.allocator]++;
		noter->own.collector_bytes[own.allocator] += COLLECTOR_HEAD;
	}
}

/* Another block of it. */
static void count_other(struct block_noter *noter, struct decoder *decoder, uint32_t node, size_t index, bool is_code)
{
	const struct block *block = &decoder->out.blocks.items[index];
	if ((block->flags & BLOCK_INTERIOR) != 0)
		return;
	if ((block->flags & (BLOCK_PAGES | BLOCK_OPAQUE)) == 0 && !is_code &&
	    pool_starts_add(&noter->others, decoder, block->address, block->bytes, false))
		return;
	const struct allocation allocation = allocation_of_block(decoder, index);
	if ((decoder->out.type->flags & TYPE_HAS_UNKNOWN_WORDS) != 0 &&
	    note_known(noter, &decoder->reader, node, block, &allocation))
		return;
	if (count_block(noter, &decoder->reader, &allocation) && is_code)
		noter->own.code_bytes[allocation.allocator] += allocation.taken;
}

static void count_object(struct block_noter *noter, struct decoder *decoder, uint32_t node)
{
	const struct decoded *out = &decoder->out;
	if ((out->flags & DECODED_CORRUPT) != 0)
		return;
	const bool is_code = (out->type->flags & TYPE_IS_BOUNDARY) != 0 && strcmp(out->type->entry->id, "code") == 0;
	count_own(noter, decoder, is_code);
	for (size_t i = 0; i < out->blocks.count; i++)
		count_other(noter, decoder, node, i, is_code);
}

/* That an object has words which may lead to native blocks. */
static bool note_opaque(struct block_noter *noter, struct decoder *decoder, uint32_t node)
{
	const struct decoded *out = &decoder->out;
	noter->all->opaque[node / 64] |= UINT64_C(1) << node % 64;
	noter->own.opaque_count++;
	for (size_t i = 0; i < out->blocks.count; i++) {
		if (!opaque_block(out, i))
			continue;
		const struct allocation allocation = allocation_of_block(decoder, i);
		const struct opaque_piece piece = { allocation.address, opaque_room(&allocation), node };
		if (piece.bytes > 0 && !array_push(&noter->own.pieces, piece))
			return false;
	}
	return true;
}

void block_noter_object(struct block_noter *noter, struct decoder *decoder, uint32_t node)
{
	count_object(noter, decoder, node);
	if (decoded_has_unknown_words(&decoder->out) && !note_opaque(noter, decoder, node))
		noter->out_of_memory = true;
}

static void add_pooled(struct python_blocks *sums, struct pool_starts *starts)
{
	pool_starts_flush(starts);
	sums->blocks[ALLOCATOR_PYMALLOC] += starts->count;
	sums->bytes[ALLOCATOR_PYMALLOC] += starts->sum;
	sums->collector_heads[ALLOCATOR_PYMALLOC] += starts->head_count;
	sums->collector_bytes[ALLOCATOR_PYMALLOC] += starts->head_count * COLLECTOR_HEAD;
}

void block_noter_end(struct block_noter *noter)
{
	add_pooled(&noter->own, &noter->objects);
	add_pooled(&noter->own, &noter->others);
}

void block_noter_clear(struct block_noter *noter)
{
	array_free(&noter->own.known);
	array_free(&noter->own.pieces);
}
