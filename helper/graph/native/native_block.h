/* SPDX-License-Identifier: MIT
 * native_block: one block of memory that C, C++ or Rust code has, and what it hangs on. There may be more of them than
 * of objects: each is 16 bytes. */
#ifndef PYDS_GRAPH_NATIVE_BLOCK_H
#define PYDS_GRAPH_NATIVE_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "allocator/block.h"

enum native_holder {
	NATIVE_OBJECT, /* owner is a number of the dominator tree */
	NATIVE_GARBAGE, /* owner is the node of an object that no root reaches; of several the first */
	NATIVE_STATIC, /* only variables of C lead to it; owner: index of the file */
	NATIVE_TREES, /* a syntax tree of Python's compiler, by its own structure: no owner (syntax_trees.h) */
	NATIVE_UNSEEN, /* nothing that was looked at */
	NATIVE_KEPT, /* only while blocks are collected: in a free list of Python */
};

/* A process has no more address space, unless it asks for it by address (five levels of pages). */
#define NATIVE_ADDRESS_MOST ((UINT64_C(1) << 48) - 1)

struct native_block {
	uint64_t address : 48; /* as malloc() returned it */
	uint64_t allocator : 4; /* enum allocator; ALLOCATOR_UNKNOWN: an object has it, wherever it lies */
	uint64_t strength : 3; /* of the claim: only of use to native_claims.c */
	uint64_t holder : 3; /* enum native_holder */
	uint64_t is_exact : 1; /* who has it was decoded: no estimate */
	uint64_t is_data : 1; /* known to have no pointers, or those were looked at */
	uint64_t unit : 2, count_high : 2; /* of its bytes: native_block_bytes() */
	uint32_t count_low, owner;
};

_Static_assert(sizeof(struct native_block) == 16, "native blocks are 16 bytes each");
_Static_assert(ALLOCATOR_COUNT <= 1 << 4, "allocators of native blocks have four bits");

enum { NATIVE_COUNT_BITS = 34 }; /* units in a block */

/* Bytes of a unit, as a power of two: in bytes below 16 GiB; larger blocks are whole chunks or pages. */
static inline unsigned native_block_shift(unsigned unit)
{
	return 0x150c0400u >> 8 * unit & 0xff;
}

/* Bytes taken; of jemalloc and mimalloc, where a decoder knows it: asked for. */
static inline uint64_t native_block_bytes(const struct native_block *block)
{
	const uint64_t count = (uint64_t)block->count_high << 32 | block->count_low;
	return count << native_block_shift(block->unit);
}

static inline void native_block_set_bytes(struct native_block *block, uint64_t bytes)
{
	unsigned unit = 0;
	while (unit < 3 && bytes >> native_block_shift(unit) >> NATIVE_COUNT_BITS != 0)
		unit++;
	const uint64_t count = bytes >> native_block_shift(unit);
	block->unit = unit;
	block->count_high = count >> 32 & 3;
	block->count_low = (uint32_t)count;
}

/* One that nothing is known to lead to. */
static inline struct native_block native_block_of(uint64_t address, uint64_t bytes, enum allocator allocator)
{
	struct native_block block = { .address = address, .holder = NATIVE_UNSEEN, .allocator = (unsigned)allocator };
	native_block_set_bytes(&block, bytes);
	return block;
}

#endif
