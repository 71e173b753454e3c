/* SPDX-License-Identifier: MIT
 * allocated: what the allocators took for an object: its own memory with what precedes it, and the blocks that it
 * owns, each rounded as its allocator rounds. Looked up in the target where the allocator wrote it down. */
#ifndef PYDS_DECODE_ALLOCATED_H
#define PYDS_DECODE_ALLOCATED_H

#include <stdbool.h>
#include <stdint.h>

#include "decode/decoder.h"

enum allocator {
	ALLOCATOR_NONE, /* static memory of an ELF file, or inside another allocation: takes nothing of its own */
	ALLOCATOR_PYMALLOC, /* a pool's block */
	ALLOCATOR_MIMALLOC, /* a block of a page, in free-threaded builds */
	ALLOCATOR_MALLOC, /* a chunk of the C library's heap, header included */
	ALLOCATOR_MMAP, /* a mapping of its own made by malloc, whole pages */
	ALLOCATOR_UNKNOWN, /* taken is an estimate */
};

struct allocation {
	uint64_t address; /* as the allocator returned it */
	uint64_t requested; /* bytes asked for */
	uint64_t taken; /* bytes given */
	enum allocator allocator;
};

struct allocated {
	struct allocation own; /* the object with what precedes it */
	uint64_t bytes; /* own and all blocks */
	bool approximate; /* some of it is an estimate */
};

/* One block of `requested` bytes at address, as the object allocator or malloc gave it. */
struct allocation allocation_at(struct decoder *decoder, uint64_t address, uint64_t requested);
/* The allocation behind block `index` of decoder->out. */
struct allocation allocation_of_block(struct decoder *decoder, size_t index);
/* Of the object that was just decoded, in decoder->out. */
struct allocated allocated_of_object(struct decoder *decoder);
/* Whether the object owns block alone, or sys.getsizeof() counts it: what allocated sums. */
bool allocated_counts_block(const struct block *block);
const char *allocator_name(enum allocator allocator);

#endif
