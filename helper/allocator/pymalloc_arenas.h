/* SPDX-License-Identifier: MIT
 * pymalloc_arenas: what pymalloc has from the system: arenas of 256 KiB (3.8, 3.9), 1 MiB or 2 MiB, cut into pools. All
 * are in a table of arena_object (Objects/obmalloc.c), one of the process up to 3.11, later one of each interpreter
 * that does not share the main one's. */
#ifndef PYDS_ALLOCATOR_PYMALLOC_ARENAS_H
#define PYDS_ALLOCATOR_PYMALLOC_ARENAS_H

#include "allocator/glibc.h"
#include "allocator/pymalloc.h"
#include "base/array.h"
#include "base/progress.h"
#include "runtime/runtime.h"

struct pymalloc_arena {
	uint64_t start, end; /* as mmap() gave it */
	uint64_t first_pool; /* start, rounded up to a pool */
	uint64_t pool_address; /* pools from here on were never given out */
	uint32_t free_pools; /* pools that hold no block, those never given out included */
	uint32_t total_pools;
	uint32_t index; /* in its table: pool_header.arenaindex */
	uint32_t table;
};

struct pymalloc_table { /* of one interpreter, or of all that share it */
	uint64_t address; /* arena_object[] */
	uint32_t count; /* entries, in use or not */
	uint32_t first; /* of pymalloc_arenas.starts: that of entry 0 */
};

struct pymalloc_arenas {
	ARRAY(struct pymalloc_arena) items; /* by address */
	ARRAY(struct pymalloc_table) tables;
	ARRAY(uint64_t) starts; /* by table and index: where the arena begins; 0: none */
	uint64_t arena_bytes, pool_bytes;
	bool is_found; /* false: no table was found (free-threaded builds have none, nor have processes without
	                  pymalloc) */
};

/* Finds the tables: some thousand words of static memory are read, and one line of each of the first arenas. */
int pymalloc_arenas_find(struct pymalloc_arenas *arenas, const struct runtime *runtime, const struct glibc_list *glibc,
                         struct error *error);
void pymalloc_arenas_clear(struct pymalloc_arenas *arenas);
/* The arena that holds address; NULL: none. */
const struct pymalloc_arena *pymalloc_arena_at(const struct pymalloc_arenas *arenas, uint64_t address);

/* Bytes of the block that holds the address, *ret_inside of them before it; 0: the address is in no pool. Does what
 * CPython's own address_in_range() did: the pool's header names its arena, and the arena says whether that is true. A
 * few instructions and one line of the pool's header, which walks have in cache. */
static inline uint32_t pymalloc_block_at(const struct pymalloc_arenas *arenas, const struct layout *layout,
                                         struct reader *reader, uint64_t address, uint32_t *ret_inside)
{
	const uint64_t pool = address & ~(arenas->pool_bytes - 1);
	const uint32_t overhead = (uint32_t)round_up(layout->struct_bytes[STRUCT_pool_header], PYMALLOC_ALIGNMENT);
	const uint8_t *head = arenas->is_found ? reader_at(reader, pool, overhead) : NULL;
	if (head == NULL)
		return 0;
	const uint64_t index = layout_get(layout, FIELD_pool_header_arenaindex, head);
	const uint64_t class = layout_get(layout, FIELD_pool_header_szidx, head);
	if (class >= PYMALLOC_LARGEST / PYMALLOC_ALIGNMENT || address - pool < overhead)
		return 0;
	for (size_t i = 0; i < arenas->tables.count; i++) {
		const struct pymalloc_table *table = &arenas->tables.items[i];
		const uint64_t start = index < table->count ? arenas->starts.items[table->first + index] : 0;
		if (start == 0 || pool - start >= arenas->arena_bytes)
			continue;
		const uint32_t bytes = (uint32_t)(class + 1) * PYMALLOC_ALIGNMENT;
		*ret_inside = ((uint32_t)(address - pool) - overhead) % bytes;
		return bytes;
	}
	return 0;
}

enum { PYMALLOC_CLASSES = PYMALLOC_LARGEST / PYMALLOC_ALIGNMENT };

struct pymalloc_class {
	uint64_t pools, used_blocks, free_blocks;
};

/* What sys._debugmallocstats() says; bytes. They sum to arenas times their size. */
struct pymalloc_use {
	uint64_t arenas;
	uint64_t used_blocks, used_bytes;
	uint64_t free_blocks, free_bytes; /* in pools that are in use */
	uint64_t free_pools, free_pool_bytes; /* pools that hold no block */
	uint64_t header_bytes, quantization_bytes, alignment_bytes;
	uint64_t broken_pools; /* whose header makes no sense, or names another arena; none in a sound process */
	struct pymalloc_class classes[PYMALLOC_CLASSES];
};

struct pymalloc_arena_use { /* as pymalloc_arenas.items */
	uint64_t used_blocks, used_bytes;
	uint64_t free_bytes; /* free blocks, and free pools */
};

/* Goes through all pools' headers. by_arena: as many as there are arenas; NULL: not wanted. */
int pymalloc_count(struct pymalloc_use *ret_use, struct pymalloc_arena_use *by_arena,
                   const struct pymalloc_arenas *arenas, const struct layout *layout, struct reader *reader,
                   struct progress *progress);

#endif
