/* SPDX-License-Identifier: MIT */
#include "decode/allocated.h"

#include "allocator/allocators.h"
#include "allocator/debug_guards.h"
#include "allocator/pymalloc.h"
#include "object/type_flags.h"

/* Most that a request is taken for; sums and products with it do not overflow. */
static const uint64_t MOST_BYTES = INT64_MAX / 8;

const char *size_measure_name(enum size_measure measure)
{
	static const char *const names[] = { "shallow", "allocated", "native" };
	return names[measure];
}

const char *agreement_text(enum agreement agreement)
{
	static const char *const texts[AGREEMENT_COUNT] = {
		[AGREEMENT_NONE] = "nothing to compare with",
		[AGREEMENT_EXACT] = "the block of such a request",
		[AGREEMENT_KEPT] = "a larger block that realloc left in place",
		[DISAGREEMENT_SIZE] = "not the size of a block for it",
		[DISAGREEMENT_PLACE] = "begins inside a block",
		[DISAGREEMENT_FREE] = "the block is free",
		[DISAGREEMENT_OWNER] = "the block has another owner",
		[DISAGREEMENT_ROOM] = "more is claimed than the block has; nothing of it is used",
	};
	return texts[agreement];
}

/* What an allocator is asked for: allocation's request, with the guards of a debug build. */
struct asked {
	uint64_t address, least, most;
};

static void set_agreement(struct allocation *allocation, const struct expected_block *expected)
{
	const uint64_t taken = allocation->taken;
	if (taken >= expected->least && taken <= expected->most)
		allocation->agreement =
		        allocation->most == MOST_BYTES && taken > expected->least ? AGREEMENT_KEPT : AGREEMENT_EXACT;
	else if (allocation->can_shrink && taken > expected->most && taken <= expected->kept)
		allocation->agreement = AGREEMENT_KEPT;
	else
		allocation->agreement = DISAGREEMENT_SIZE;
}

/* The allocator's block, and whether such a request is given one like it. */
static bool find_plain(struct decoder *decoder, const struct asked *asked, struct allocation *allocation)
{
	const struct allocators *allocators = &decoder->context->allocators;
	struct allocator_block block;
	uint64_t inside;
	if (!allocators_block_at(allocators, &decoder->reader, asked->address, &block, &inside))
		return false;
	allocation->block = block.address;
	allocation->taken = block.taken;
	allocation->allocator = block.allocator;
	if (inside != 0) {
		allocation->agreement = DISAGREEMENT_PLACE;
	} else {
		const struct expected_block expected = allocators_expect(allocators, &block, asked->least, asked->most);
		set_agreement(allocation, &expected);
	}
	return true;
}

/* What most are: a block of a pool, of the very size for such a request. With guards it would begin before them. */
static bool find_pooled(struct decoder *decoder, struct allocation *allocation)
{
	const uint32_t bytes = allocation_pooled(decoder, allocation->address, allocation->requested);
	if (bytes == 0)
		return false;
	allocation->block = allocation->address;
	allocation->taken = bytes;
	allocation->allocator = ALLOCATOR_PYMALLOC;
	allocation->agreement = AGREEMENT_EXACT;
	return true;
}

void allocation_find(struct decoder *decoder, struct allocation *allocation)
{
	if (find_pooled(decoder, allocation))
		return;
	struct asked asked = { .address = allocation->address,
		               .least = allocation->requested < MOST_BYTES ? allocation->requested : MOST_BYTES,
		               .most = allocation->most < MOST_BYTES ? allocation->most : MOST_BYTES };
	uint64_t guarded;
	bool is_same = true;
	allocation->block = allocation->address;
	allocation->agreement = AGREEMENT_NONE;
	for (int layer = 0; layer < DEBUG_GUARDS_LAYERS; layer++) {
		if (!debug_guards_at(&decoder->reader, asked.address, &guarded))
			break;
		/* The words around a block say exactly how much was asked for, whoever reallocated it. */
		is_same = is_same && guarded >= asked.least && guarded <= asked.most;
		asked.address -= DEBUG_GUARDS_BEFORE;
		asked.least = asked.most = guarded + DEBUG_GUARDS_BYTES;
	}
	if (find_plain(decoder, &asked, allocation)) {
		if (!is_same)
			allocation->agreement = DISAGREEMENT_SIZE;
	} else if (allocators_is_static(&decoder->context->allocators, allocation->address)) {
		allocation->allocator = ALLOCATOR_NONE;
		allocation->taken = 0;
	} else {
		allocation->allocator = ALLOCATOR_UNKNOWN;
		allocation->taken = allocation->requested > INT64_MAX
		                            ? allocation->requested
		                            : round_up(allocation->requested, PYMALLOC_ALIGNMENT);
	}
}

struct allocation allocation_of_block(struct decoder *decoder, size_t index)
{
	const struct block *block = &decoder->out.blocks.items[index];
	struct allocation allocation = { .address = block->address,
		                         .block = block->address,
		                         .requested = block->bytes,
		                         .most = block->most,
		                         .can_shrink = true };
	if ((block->flags & BLOCK_PAGES) != 0) {
		allocation.taken = block->bytes;
		allocation.allocator = ALLOCATOR_PAGES;
	} else if ((block->flags & BLOCK_INTERIOR) == 0) {
		allocation_find(decoder, &allocation);
	}
	if ((block->flags & BLOCK_OPAQUE) != 0)
		allocation.requested = allocation.taken; /* all that is known */
	return allocation;
}

bool allocated_counts_block(const struct block *block)
{
	return (block->flags & BLOCK_COUNTED) != 0 || (block->flags & BLOCK_SHARED) == 0;
}

static void add_allocation(struct allocated *allocated, const struct allocation *allocation)
{
	if (!checked_add(allocated->bytes, allocation->taken, &allocated->bytes))
		allocated->bytes = UINT64_MAX;
	if (allocation->allocator == ALLOCATOR_UNKNOWN)
		allocated->approximate = true;
}

/* Bytes from the object's address on: its body, and what lies behind it in the same allocation (inline values);
 * *ret_most as of an allocation. */
static uint64_t body_with_interior(const struct decoded *out, uint64_t *ret_most)
{
	uint64_t bytes = out->body;
	*ret_most = bytes;
	for (size_t i = 0; i < out->blocks.count; i++) {
		const struct block *block = &out->blocks.items[i];
		uint64_t end;
		if ((block->flags & BLOCK_INTERIOR) != 0 && block->address - out->address == round_up(bytes, 8) &&
		    checked_add(block->address - out->address, block->bytes, &end)) {
			bytes = end;
			*ret_most = end + (block->most - block->bytes);
		}
	}
	return bytes;
}

uint64_t allocation_request(const struct decoder *decoder)
{
	uint64_t most;
	const uint64_t bytes = body_with_interior(&decoder->out, &most);
	return bytes > MOST_BYTES || decoder->out.type == NULL ? bytes : bytes + decoder->out.type->beyond;
}

struct allocation allocation_of_object(struct decoder *decoder)
{
	const struct decoded *out = &decoder->out;
	const struct type_info *type = out->type;
	struct allocation allocation = { .address = out->address };
	uint64_t most, bytes = body_with_interior(out, &most);
	if (bytes > MOST_BYTES || most > MOST_BYTES) {
		bytes = most = bytes > MOST_BYTES ? bytes : MOST_BYTES;
	} else if (type != NULL) {
		/* Room for items is rounded up to words, by all but str, bytes and int; which is no other block. */
		const uint64_t more = type->beyond;
		allocation.address -= type->preheader;
		allocation.can_shrink = type->tp_itemsize != 0 || (type->tp_flags & TPFLAGS_UNICODE_SUBCLASS) != 0;
		bytes += more;
		most = round_up(most + more, 8);
		/* Tuples of C modules (datetime's week dates) may or may not be made with it. */
		if ((type->tp_flags & TPFLAGS_TUPLE_SUBCLASS) != 0 && !type->has_sentinel &&
		    type->address != decoder->context->runtime->symbols[SYMBOL_PyTuple_Type])
			most += (uint64_t)type->tp_itemsize;
		/* Arithmetic asks for as many digits as a result may have, and leaves out those that are 0. */
		if (type->tp_flags & TPFLAGS_LONG_SUBCLASS)
			most = MOST_BYTES;
	}
	allocation.requested = bytes;
	allocation.most = most;
	allocation_find(decoder, &allocation);
	return allocation;
}

struct allocated allocated_of_object(struct decoder *decoder)
{
	const struct decoded *out = &decoder->out;
	struct allocated allocated = { .approximate = (out->flags & (DECODED_APPROXIMATE | DECODED_CORRUPT)) != 0 };
	allocated.own = allocation_of_object(decoder);
	add_allocation(&allocated, &allocated.own);
	for (size_t i = 0; i < out->blocks.count; i++) {
		if (!allocated_counts_block(&out->blocks.items[i]))
			continue;
		struct allocation allocation = allocation_of_block(decoder, i);
		add_allocation(&allocated, &allocation);
		allocated.approximate |= (out->blocks.items[i].flags & BLOCK_OPAQUE) != 0;
	}
	return allocated;
}
