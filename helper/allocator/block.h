/* SPDX-License-Identifier: MIT
 * block: one piece of memory that an allocator gave out, and which allocator that was. */
#ifndef PYDS_ALLOCATOR_BLOCK_H
#define PYDS_ALLOCATOR_BLOCK_H

#include <stdint.h>

enum allocator {
	ALLOCATOR_NONE, /* static memory of an ELF file, or inside another allocation: takes nothing of its own */
	ALLOCATOR_PYMALLOC, /* a pool's block */
	ALLOCATOR_MIMALLOC, /* a block of a page, in free-threaded builds */
	ALLOCATOR_MALLOC, /* a chunk of glibc's heap, header included */
	ALLOCATOR_MMAP, /* a mapping of its own made by glibc's malloc, whole pages */
	ALLOCATOR_JEMALLOC, /* a region of a slab, or an extent, of the jemalloc that stands in for malloc */
	ALLOCATOR_MIMALLOC_POOL, /* a block of the mimalloc that a library was linked with, or from where it begins in
	                            it */
	ALLOCATOR_PAGES, /* a mapping that an object made for itself, by no allocator: whole pages */
	ALLOCATOR_UNKNOWN, /* whose it is, or how much was taken, is not known */
	ALLOCATOR_COUNT
};

struct allocator_block {
	uint64_t address; /* as the allocator returned it to whoever asked */
	uint64_t taken; /* bytes, with what the allocator needs for itself */
	uint8_t allocator; /* enum allocator */
};

const char *allocator_name(enum allocator allocator); /* "pymalloc" */

#endif
