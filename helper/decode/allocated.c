/* SPDX-License-Identifier: MIT */
#include "decode/allocated.h"

enum {
	PYMALLOC_LIMIT = 512, /* SMALL_REQUEST_THRESHOLD, Objects/obmalloc.c */
	PYMALLOC_ALIGNMENT = 16, /* 64-bit, since 3.7.4 (bpo-27987) */
	/* glibc malloc: the size word before a chunk's memory; its low bits are flags. */
	CHUNK_HEADER = 8,
	CHUNK_FLAGS = 7,
	CHUNK_IS_MMAPPED = 2,
	CHUNK_SMALLEST = 32,
	CHUNK_SLACK = 64, /* a rest too small to be a chunk stays with its neighbour */
	PAGE = 4096,
};

const char *allocator_name(enum allocator allocator)
{
	static const char *const names[] = {
		[ALLOCATOR_NONE] = "static", [ALLOCATOR_PYMALLOC] = "pymalloc", [ALLOCATOR_MALLOC] = "malloc",
		[ALLOCATOR_MMAP] = "mmap",   [ALLOCATOR_UNKNOWN] = "estimate",
	};
	return names[allocator];
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

/* Reads the size word of a malloc chunk; false if what is there cannot be one of such a request. */
static bool chunk_taken(struct decoder *decoder, struct allocation *allocation)
{
	uint64_t word;
	if (allocation->address < 2 * CHUNK_HEADER || allocation->requested > INT64_MAX ||
	    !reader_u64(&decoder->reader, allocation->address - CHUNK_HEADER, &word))
		return false;
	uint64_t bytes = word & ~(uint64_t)CHUNK_FLAGS;
	uint64_t least = allocation->requested + CHUNK_HEADER;
	if ((word & CHUNK_IS_MMAPPED) != 0) {
		/* Alone in its pages: the previous size's word is its own too. */
		least += CHUNK_HEADER;
		if (bytes % PAGE != 0 || bytes < least || bytes - least > 2 * PAGE)
			return false;
		allocation->allocator = ALLOCATOR_MMAP;
	} else {
		if (bytes % 16 != 0 || bytes < least || bytes < CHUNK_SMALLEST || bytes - least > CHUNK_SLACK)
			return false;
		allocation->allocator = ALLOCATOR_MALLOC;
	}
	allocation->taken = bytes;
	return true;
}

struct allocation allocation_at(struct decoder *decoder, uint64_t address, uint64_t requested)
{
	struct allocation allocation = { .address = address, .requested = requested };
	if (is_static(decoder->context->space, address))
		return allocation;
	const struct python_version *version = &decoder->layout->version;
	/* Debug builds put guard bytes around every block, free-threaded ones allocate by mimalloc: not decoded here.
	 */
	bool known = !version->is_debug && !version->is_free_threaded;
	if (known && requested <= PYMALLOC_LIMIT) {
		allocation.allocator = ALLOCATOR_PYMALLOC;
		/* A request of nothing is one of a byte. */
		allocation.taken = round_up(requested == 0 ? 1 : requested, PYMALLOC_ALIGNMENT);
		return allocation;
	}
	if (known && chunk_taken(decoder, &allocation))
		return allocation;
	allocation.allocator = ALLOCATOR_UNKNOWN;
	allocation.taken = requested > INT64_MAX ? requested : round_up(requested, 16);
	return allocation;
}

struct allocation allocation_of_block(struct decoder *decoder, size_t index)
{
	const struct block *block = &decoder->out.blocks.items[index];
	if ((block->flags & BLOCK_INTERIOR) != 0)
		return (struct allocation){ .address = block->address, .requested = block->bytes };
	return allocation_at(decoder, block->address, block->bytes);
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

struct allocated allocated_of_object(struct decoder *decoder)
{
	const struct decoded *out = &decoder->out;
	struct allocated allocated = { .approximate = (out->flags & (DECODED_APPROXIMATE | DECODED_CORRUPT)) != 0 };
	uint64_t preheader = out->type != NULL ? out->type->preheader : 0;
	uint64_t requested;
	if (!checked_add(out->body, preheader, &requested))
		requested = UINT64_MAX;
	allocated.own = allocation_at(decoder, out->address - preheader, requested);
	add_allocation(&allocated, &allocated.own);
	for (size_t i = 0; i < out->blocks.count; i++) {
		if (!allocated_counts_block(&out->blocks.items[i]))
			continue;
		struct allocation allocation = allocation_of_block(decoder, i);
		add_allocation(&allocated, &allocation);
	}
	return allocated;
}
