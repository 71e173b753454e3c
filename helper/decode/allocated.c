/* SPDX-License-Identifier: MIT */
#include "decode/allocated.h"

#include "runtime/mimalloc.h"

enum {
	PYMALLOC_LIMIT = 512, /* SMALL_REQUEST_THRESHOLD, Objects/obmalloc.c */
	PYMALLOC_ALIGNMENT = 16, /* 64-bit, since 3.7.4 (bpo-27987) */
	/* struct pool_header, the same since 3.7.4; pools are 4 KiB, since 3.10 16 KiB (bpo-37448), and aligned. */
	POOL_SMALL = 4096,
	POOL_LARGE = 16384,
	POOL_SZIDX = 36,
	POOL_HEADER = 48,
	/* Guards of debug builds (_PyMem_DebugRawAlloc): size, 8 bytes, the block, 8 bytes. */
	DEBUG_BEFORE = 16,
	DEBUG_ALL = 24,
	DEBUG_LAYERS = 2,
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
		[ALLOCATOR_NONE] = "static",   [ALLOCATOR_MIMALLOC] = "mimalloc", [ALLOCATOR_PYMALLOC] = "pymalloc",
		[ALLOCATOR_MALLOC] = "malloc", [ALLOCATOR_MMAP] = "mmap",         [ALLOCATOR_UNKNOWN] = "estimate",
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

/* Whether the request lies in a block of a pool: at its beginning and with a size class that such a request is given,
 * or, where anywhere is set, at any place of a block that has room for it. */
static bool pool_taken(struct decoder *decoder, struct allocation *allocation, bool anywhere)
{
	const uint64_t pool_bytes =
	        layout_feature(decoder->layout, FEATURE_LARGE_POOLS) ? POOL_LARGE : (uint64_t)POOL_SMALL;
	const uint64_t pool = allocation->address & ~(pool_bytes - 1);
	const uint64_t offset = allocation->address - pool;
	uint32_t szidx;
	if (offset < POOL_HEADER || !reader_u32(&decoder->reader, pool + POOL_SZIDX, &szidx) ||
	    szidx >= PYMALLOC_LIMIT / PYMALLOC_ALIGNMENT)
		return false;
	const uint64_t bytes = ((uint64_t)szidx + 1) * PYMALLOC_ALIGNMENT;
	const uint64_t inside = (offset - POOL_HEADER) % bytes;
	const uint64_t least = round_up(allocation->requested == 0 ? 1 : allocation->requested, PYMALLOC_ALIGNMENT);
	/* realloc leaves a block that shrinks by less than a quarter where it is. */
	const bool fits = inside == 0 && bytes >= least && (bytes == least || 4 * allocation->requested > 3 * bytes);
	if (!fits && !(anywhere && inside + allocation->requested <= bytes))
		return false;
	allocation->allocator = ALLOCATOR_PYMALLOC;
	allocation->taken = bytes;
	return true;
}

/* Whether the request lies in a block of a page of mimalloc's; at its beginning, unless anywhere is set. */
static bool page_taken(struct decoder *decoder, struct allocation *allocation, bool anywhere)
{
	struct mimalloc_page page;
	if (!mimalloc_page_at(decoder->layout, &decoder->reader, allocation->address, &page))
		return false;
	const uint64_t inside = (allocation->address - page.start) % page.block_bytes;
	if ((inside != 0 && !anywhere) || allocation->requested > page.block_bytes - inside)
		return false;
	allocation->allocator = ALLOCATOR_MIMALLOC;
	allocation->taken = page.block_bytes;
	return true;
}

/* What pymalloc, mimalloc or malloc wrote down about the block at allocation->address. */
static bool find_taken(struct decoder *decoder, struct allocation *allocation, bool anywhere)
{
	/* Raw memory is malloc's there too, up to 3.14. */
	if (layout_feature(decoder->layout, FEATURE_FREE_THREADED))
		return page_taken(decoder, allocation, anywhere) || chunk_taken(decoder, allocation);
	const bool small = allocation->requested <= PYMALLOC_LIMIT;
	return (small && pool_taken(decoder, allocation, false)) || chunk_taken(decoder, allocation) ||
	       (small && anywhere && pool_taken(decoder, allocation, true));
}

/* The same behind the guards of a debug build, which say how much was asked for. There are two around a block that
 * pymalloc passed on to malloc: each of the two domains has its own. */
static bool find_guarded(struct decoder *decoder, struct allocation *allocation)
{
	struct allocation guarded = *allocation;
	for (int layer = 0; layer < DEBUG_LAYERS && guarded.address > DEBUG_BEFORE; layer++) {
		guarded.address -= DEBUG_BEFORE;
		const uint8_t *size = reader_at(&decoder->reader, guarded.address, sizeof(uint64_t));
		uint64_t asked = size != NULL ? load_word(size, sizeof(uint64_t), true) : 0;
		if (asked < guarded.requested || asked - guarded.requested > CHUNK_SLACK ||
		    !checked_add(asked, DEBUG_ALL, &guarded.requested))
			return false;
		if (find_taken(decoder, &guarded, false)) {
			allocation->taken = guarded.taken;
			allocation->allocator = guarded.allocator;
			return true;
		}
	}
	return false;
}

struct allocation allocation_at(struct decoder *decoder, uint64_t address, uint64_t requested)
{
	struct allocation allocation = { .address = address, .requested = requested };
	if (is_static(decoder->context->space, address))
		return allocation;
	/* Debug builds and PYTHONMALLOC=debug put guards around a block. An array of values may begin before what the
	 * object points at, and was larger when it was made. */
	if (find_guarded(decoder, &allocation) || find_taken(decoder, &allocation, true))
		return allocation;
	allocation.allocator = ALLOCATOR_UNKNOWN;
	allocation.taken = requested > INT64_MAX ? requested : round_up(requested, PYMALLOC_ALIGNMENT);
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

/* Bytes from the object's address on: its body, and what lies behind it in the same allocation (inline values). */
static uint64_t body_with_interior(const struct decoded *out)
{
	uint64_t bytes = out->body;
	for (size_t i = 0; i < out->blocks.count; i++) {
		const struct block *block = &out->blocks.items[i];
		uint64_t end;
		if ((block->flags & BLOCK_INTERIOR) != 0 && block->address - out->address == round_up(bytes, 8) &&
		    checked_add(block->address - out->address, block->bytes, &end))
			bytes = end;
	}
	return bytes;
}

struct allocated allocated_of_object(struct decoder *decoder)
{
	const struct decoded *out = &decoder->out;
	struct allocated allocated = { .approximate = (out->flags & (DECODED_APPROXIMATE | DECODED_CORRUPT)) != 0 };
	uint64_t preheader = out->type != NULL ? out->type->preheader : 0;
	uint64_t requested;
	if (!checked_add(body_with_interior(out), preheader, &requested))
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
