/* SPDX-License-Identifier: MIT
 * allocators: who gave out the memory at an address, and how much: pymalloc, mimalloc, glibc's malloc. Each is asked
 * by its own records and its own rules only: the word before a block of mimalloc, jemalloc or any other allocator is
 * no header of glibc's. */
#ifndef PYDS_ALLOCATOR_ALLOCATORS_H
#define PYDS_ALLOCATOR_ALLOCATORS_H

#include <stdbool.h>
#include <stdint.h>

#include "allocator/block.h"
#include "allocator/glibc.h"
#include "allocator/jemalloc.h"
#include "allocator/mimalloc_pools.h"
#include "allocator/pymalloc_arenas.h"
#include "layout/layout.h"
#include "runtime/runtime.h"

struct static_file { /* an ELF file with its .bss */
	uint64_t start, end;
};

struct allocators {
	const struct layout *layout;
	const struct address_space *space;
	struct glibc_list glibc;
	struct pymalloc_arenas pymalloc;
	struct jemalloc jemalloc;
	struct mimalloc_pools mimalloc_pools;
	ARRAY(struct static_file) files; /* by address */
	uint64_t jemalloc_classes[JEMALLOC_CLASSES]; /* its sizes of blocks, ascending */
	const char *other; /* what stands in for glibc's malloc: "jemalloc", a literal; NULL: nothing known */
};

/* Reads little: some pages of the C library, whatever the size of the heap. */
int allocators_open(struct allocators *allocators, const struct runtime *runtime, struct error *error);
void allocators_close(struct allocators *allocators);

/* The block that holds address; false: no allocator that is known has it. *ret_inside: bytes from its start. Of glibc's
 * only blocks that begin at the address are found. */
bool allocators_block_at(const struct allocators *allocators, struct reader *reader, uint64_t address,
                         struct allocator_block *ret_block, uint64_t *ret_inside);
/* Whether a block of one of Python's pools is free, by the pool's own list; false: no pool is there that could tell. */
bool allocators_pool_block(const struct layout *layout, struct reader *reader, enum allocator allocator,
                           uint64_t address, bool *ret_is_free);
/* Whether the address is in memory of a mapped ELF file, .bss included. */
bool allocators_is_static(const struct allocators *allocators, uint64_t address);

/* What an allocator takes for a request of least to most bytes. */
struct expected_block {
	uint64_t least, most;
	uint64_t kept; /* up to which size realloc() leaves a block to a request that shrank */
};
struct expected_block allocators_expect(const struct allocators *allocators, const struct allocator_block *block,
                                        uint64_t least, uint64_t most);

#endif
