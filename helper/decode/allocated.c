/* SPDX-License-Identifier: MIT */
#include "decode/allocated.h"

#include "decode/type_flags.h"
#include "runtime/mimalloc.h"
#include "runtime/pymalloc.h"

enum {
	/* Guards of debug builds (_PyMem_DebugRawAlloc): size, api letter and seven bytes, the block, eight bytes. */
	DEBUG_BEFORE = 16,
	DEBUG_LETTER = 8,
	DEBUG_ALL = 24,
	DEBUG_LAYERS = 2, /* pymalloc passes what is large on to malloc, whose domain has guards of its own */
	/* glibc malloc: the size word before a chunk's memory; its low bits are flags. */
	CHUNK_HEADER = 8,
	CHUNK_ALIGNMENT = 16,
	CHUNK_FLAGS = 7,
	CHUNK_IS_MMAPPED = 2,
	CHUNK_SMALLEST = 32,
	CHUNK_SLACK = 16, /* a rest too small to be a chunk stays with its neighbour */
	PAGE = 4096,
};

/* Most that a request is taken for; sums and products with it do not overflow. */
static const uint64_t MOST_BYTES = INT64_MAX / 8;

static const uint64_t guard_bytes = UINT64_C(0xfdfdfdfdfdfdfd); /* PYMEM_FORBIDDENBYTE seven times */

const char *allocator_name(enum allocator allocator)
{
	static const char *const names[] = {
		[ALLOCATOR_NONE] = "static",   [ALLOCATOR_MIMALLOC] = "mimalloc", [ALLOCATOR_PYMALLOC] = "pymalloc",
		[ALLOCATOR_MALLOC] = "malloc", [ALLOCATOR_MMAP] = "mmap",         [ALLOCATOR_UNKNOWN] = "estimate",
	};
	return names[allocator];
}

const char *size_measure_name(enum size_measure measure)
{
	return measure == SIZE_ALLOCATED ? "allocated" : "shallow";
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
	};
	return texts[agreement];
}

static bool is_static(const struct address_space *space, uint64_t address)
{
	for (size_t i = 0; i < space->files.count; i++) {
		const struct mapped_file *file = &space->files.items[i];
		if (file->is_elf && address >= file->start && address < file->end)
			return true;
	}
	return false;
}

/* What an allocator is asked for: allocation's request, with the guards of a debug build. */
struct asked {
	uint64_t address, least, most;
};

/* least and most: of the allocator's block for such a request; kept: up to which size realloc leaves a block to it. */
static void set_agreement(struct allocation *allocation, uint64_t least, uint64_t most, uint64_t kept)
{
	const uint64_t taken = allocation->taken;
	if (taken >= least && taken <= most)
		allocation->agreement =
		        allocation->most == MOST_BYTES && taken > least ? AGREEMENT_KEPT : AGREEMENT_EXACT;
	else if (allocation->can_shrink && taken > most && taken <= kept)
		allocation->agreement = AGREEMENT_KEPT;
	else
		allocation->agreement = DISAGREEMENT_SIZE;
}

/* Whether a pool of pymalloc's holds the address; then its record is compared with the request. */
static bool find_in_pool(struct decoder *decoder, const struct asked *asked, struct allocation *allocation)
{
	struct pymalloc_pool pool;
	if (!pymalloc_pool_at(decoder->layout, &decoder->reader, asked->address, &pool))
		return false;
	const uint64_t inside = (asked->address - pool.start) % pool.block_bytes;
	allocation->block = asked->address - inside;
	allocation->taken = pool.block_bytes;
	allocation->allocator = ALLOCATOR_PYMALLOC;
	const uint64_t least = asked->least <= PYMALLOC_LARGEST ? pymalloc_block_bytes(asked->least) : UINT64_MAX;
	const uint64_t most = asked->most <= PYMALLOC_LARGEST ? pymalloc_block_bytes(asked->most) : UINT64_MAX;
	/* pymalloc_realloc() leaves a block that shrinks by less than a quarter where it is. */
	if (inside != 0)
		allocation->agreement = DISAGREEMENT_PLACE;
	else
		set_agreement(allocation, least, most, least != UINT64_MAX ? (4 * asked->most - 1) / 3 : 0);
	return true;
}

/* The same for a page of mimalloc's. */
static bool find_in_page(struct decoder *decoder, const struct asked *asked, struct allocation *allocation)
{
	struct mimalloc_page page;
	if (!mimalloc_page_at(decoder->layout, &decoder->reader, asked->address, &page))
		return false;
	const uint64_t inside = (asked->address - page.start) % page.block_bytes;
	uint64_t slack, unused;
	const uint64_t padding = mimalloc_padding(decoder->layout);
	const uint64_t least = mimalloc_block_bytes(asked->least + padding, &unused);
	const uint64_t most = mimalloc_block_bytes(asked->most + padding, &slack);
	/* _mi_heap_realloc_zero() leaves a block that shrinks by no more than half where it is; half of the block, or
	 * where there is padding, of the first request for it. */
	const uint64_t first = 2 * asked->most;
	const uint64_t kept = padding == 0 ? first : mimalloc_block_bytes(first + padding, &unused);
	allocation->block = asked->address - inside;
	allocation->taken = page.block_bytes;
	allocation->allocator = ALLOCATOR_MIMALLOC;
	if (inside != 0)
		allocation->agreement = DISAGREEMENT_PLACE;
	else
		set_agreement(allocation, least, most + slack, kept);
	return true;
}

static uint64_t chunk_bytes(uint64_t requested)
{
	const uint64_t bytes = round_up(requested + CHUNK_HEADER, CHUNK_ALIGNMENT);
	return bytes < CHUNK_SMALLEST ? CHUNK_SMALLEST : bytes;
}

/* The same for a chunk of glibc's malloc: true if the word before the address can be the size of one. */
static bool find_chunk(struct decoder *decoder, const struct asked *asked, struct allocation *allocation)
{
	uint64_t word;
	if (asked->address < 2 * CHUNK_HEADER || asked->address % CHUNK_ALIGNMENT != 0 || asked->least >= MOST_BYTES ||
	    !reader_u64(&decoder->reader, asked->address - CHUNK_HEADER, &word))
		return false;
	const uint64_t bytes = word & ~(uint64_t)CHUNK_FLAGS;
	const uint64_t start = asked->address - 2 * CHUNK_HEADER;
	const struct segment *segment = reader_segment(&decoder->reader, start);
	const bool is_mmapped = (word & CHUNK_IS_MMAPPED) != 0;
	if (segment == NULL || !segment->writable_private || bytes < CHUNK_SMALLEST || bytes > segment->end - start ||
	    bytes % CHUNK_ALIGNMENT != 0)
		return false;
	/* Alone in its pages: the previous size's word is its own too. */
	const uint64_t mapped = is_mmapped ? round_up(bytes, PAGE) : bytes; /* newer ones leave out two words */
	if (is_mmapped && ((mapped != bytes && mapped != bytes + 2 * CHUNK_HEADER) || start % PAGE != 0))
		return false;
	allocation->block = asked->address;
	allocation->taken = mapped;
	allocation->allocator = is_mmapped ? ALLOCATOR_MMAP : ALLOCATOR_MALLOC;
	if (is_mmapped)
		set_agreement(allocation, round_up(asked->least + 2 * CHUNK_HEADER, PAGE),
		              round_up(asked->most + 2 * CHUNK_HEADER, PAGE), 0);
	else
		set_agreement(allocation, chunk_bytes(asked->least), chunk_bytes(asked->most) + CHUNK_SLACK, 0);
	return true;
}

static bool find_plain(struct decoder *decoder, const struct asked *asked, struct allocation *allocation)
{
	/* Raw memory is malloc's in free-threaded builds too, up to 3.14. */
	return find_in_pool(decoder, asked, allocation) || find_in_page(decoder, asked, allocation) ||
	       (!is_static(decoder->context->space, asked->address) && find_chunk(decoder, asked, allocation));
}

/* Whether the guards of a debug build are around *asked, which then becomes what was asked for with them; *ret_bytes is
 * what they say was asked for without. */
static bool step_over_guards(struct decoder *decoder, struct asked *asked, uint64_t *ret_bytes)
{
	uint64_t bytes, behind;
	const uint8_t *before = asked->address >= DEBUG_BEFORE
	                                ? reader_at(&decoder->reader, asked->address - DEBUG_BEFORE, DEBUG_BEFORE)
	                                : NULL;
	/* The letter of a domain: otherwise it is the end of the block before. */
	if (before == NULL || load_u64(before + DEBUG_LETTER) >> 8 != guard_bytes ||
	    (before[DEBUG_LETTER] != 'r' && before[DEBUG_LETTER] != 'm' && before[DEBUG_LETTER] != 'o'))
		return false;
	bytes = load_word(before, sizeof bytes, true);
	if (bytes > INT64_MAX || !reader_u64(&decoder->reader, asked->address + bytes, &behind) ||
	    behind != (guard_bytes << 8 | (guard_bytes & 0xff)))
		return false;
	*ret_bytes = bytes;
	asked->address -= DEBUG_BEFORE;
	asked->least = asked->most = bytes + DEBUG_ALL;
	return true;
}

void allocation_find(struct decoder *decoder, struct allocation *allocation)
{
	struct asked asked = { .address = allocation->address,
		               .least = allocation->requested < MOST_BYTES ? allocation->requested : MOST_BYTES,
		               .most = allocation->most < MOST_BYTES ? allocation->most : MOST_BYTES };
	uint64_t guarded;
	bool is_same = true;
	allocation->block = allocation->address;
	allocation->agreement = AGREEMENT_NONE;
	for (int layer = 0; layer < DEBUG_LAYERS; layer++) {
		const struct asked before = asked;
		if (!step_over_guards(decoder, &asked, &guarded))
			break;
		/* The words around a block say exactly how much was asked for, whoever reallocated it. */
		is_same = is_same && guarded >= before.least && guarded <= before.most;
	}
	if (find_plain(decoder, &asked, allocation)) {
		if (!is_same)
			allocation->agreement = DISAGREEMENT_SIZE;
	} else if (is_static(decoder->context->space, allocation->address)) {
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
	if ((block->flags & BLOCK_INTERIOR) == 0)
		allocation_find(decoder, &allocation);
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

/* PyType_GenericAlloc() asks for one item more than the object has, "for the sentinel" (Objects/typeobject.c). Most
 * types made in C with items have an allocation of their own that does not. */
static bool has_sentinel(const struct type_info *type)
{
	return type->tp_itemsize > 0 && type->unseen_items == 0 &&
	       (type->flags & (TYPE_IS_PYTHON_CLASS | TYPE_IS_METATYPE | TYPE_IS_OF_GENERIC_ALLOC)) != 0;
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
		const uint64_t more = type->preheader + 8 * (uint64_t)type->unseen_items +
		                      (has_sentinel(type) ? (uint64_t)type->tp_itemsize : 0);
		allocation.address -= type->preheader;
		allocation.can_shrink = type->tp_itemsize != 0 || (type->tp_flags & TPFLAGS_UNICODE_SUBCLASS) != 0;
		bytes += more;
		most = round_up(most + more, 8);
		/* Tuples of C modules (datetime's week dates) may or may not be made with it. */
		if ((type->tp_flags & TPFLAGS_TUPLE_SUBCLASS) != 0 && !has_sentinel(type) &&
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
