/* SPDX-License-Identifier: MIT
 * glibc: the heaps of glibc's malloc, found by their structure in the target's memory without any symbol, and believed
 * as far as they confirm themselves: all bins of an arena are closed rings, the arenas are one, every heap names its
 * arena. A word before a block is taken for a chunk's header only inside memory that one of these arenas manages. */
#ifndef PYDS_ALLOCATOR_GLIBC_H
#define PYDS_ALLOCATOR_GLIBC_H

#include <stdbool.h>
#include <stdint.h>

#include "allocator/block.h"
#include "allocator/glibc_layout.h"
#include "base/array.h"
#include "base/error.h"
#include "memory/address_space.h"

struct glibc_arena {
	uint64_t address; /* malloc_state */
	uint64_t top; /* chunk */
	uint64_t system_mem; /* bytes that it has from the system, as it says itself */
	uint64_t attached; /* threads */
	bool is_main, is_noncontiguous;
};

/* Memory of an arena in one piece: the main arena's from brk, or one heap of another one. */
struct glibc_heap {
	uint64_t start, end; /* end: of what is in use of it; the main arena's ends behind its top */
	uint64_t mapped_end; /* of what is reserved for it */
	uint64_t first_chunk;
	uint32_t arena; /* index */
};

struct glibc {
	const struct mapped_file *file; /* the library, or the program it is linked into */
	const struct glibc_state_layout *state;
	const struct glibc_par_layout *par;
	ARRAY(struct glibc_arena) arenas; /* main first */
	ARRAY(struct glibc_heap) heaps; /* by address */
	/* Of malloc_par, as it says itself. */
	uint64_t par_address;
	uint64_t mapped_count, mapped_bytes; /* n_mmaps, mmapped_mem */
	uint64_t brk_start; /* sbrk_base */
	uint64_t tcache_count; /* most chunks of a size that a thread keeps */
};

/* One for each library that is found; usually one. */
struct glibc_list {
	struct glibc *items;
	size_t count, capacity;
};

/* Finds what is above; reads some pages of each library, whatever the size of the heaps. No glibc: an empty list. */
int glibc_find(struct glibc_list *list, const struct address_space *space, struct error *error);
void glibc_list_clear(struct glibc_list *list);

/* The heap that holds the address; NULL: none. */
const struct glibc_heap *glibc_heap_at(const struct glibc *glibc, uint64_t address);

/* The chunk in use whose memory begins at address; false: there is none that glibc's structure confirms. Chunks that
 * wait in a thread's cache or a fast bin look like such in use. */
bool glibc_block_at(const struct glibc *glibc, struct reader *reader, uint64_t address,
                    struct allocator_block *ret_block);

/* The size word of a chunk at most `end`, as far as it is sane: bytes and flags; false: it is no chunk. */
static inline bool glibc_chunk(struct reader *reader, uint64_t chunk, uint64_t end, uint64_t *ret_bytes,
                               uint64_t *ret_flags)
{
	uint64_t word;
	if (!reader_u64(reader, chunk + 8, &word))
		return false;
	*ret_bytes = word & ~(uint64_t)GLIBC_FLAGS;
	*ret_flags = word & GLIBC_FLAGS;
	return *ret_bytes >= GLIBC_CHUNK_SMALLEST && *ret_bytes % GLIBC_CHUNK_ALIGNMENT == 0 && chunk < end &&
	       *ret_bytes <= end - chunk;
}

#endif
