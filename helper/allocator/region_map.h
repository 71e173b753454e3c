/* SPDX-License-Identifier: MIT
 * region_map: all that a process had mapped, cut into intervals with one owner each. Kernel mappings are no guide: one
 * may hold arenas, mapped chunks and a heap side by side. Owners take their turn, each only what is left; what nobody
 * claims is a region too, so that all of them sum to what was mapped. */
#ifndef PYDS_ALLOCATOR_REGION_MAP_H
#define PYDS_ALLOCATOR_REGION_MAP_H

#include "allocator/allocators.h"
#include "allocator/glibc_walk.h"
#include "base/progress.h"

enum region_kind {
	REGION_FILE, /* of an ELF file or another one, with .bss; index: of space->files */
	REGION_STACK, /* index: of space->threads */
	REGION_DATA_STACK, /* Python frames of a thread (3.11+); index: of runtime->threads */
	REGION_HEAP, /* of glibc: index of its heaps */
	REGION_MAPPED_CHUNK, /* of glibc: index of the walk's mapped */
	REGION_PYMALLOC, /* index of the arenas */
	REGION_MIMALLOC, /* a segment; index: of segment_uses */
	REGION_JEMALLOC, /* an extent; index of its extents */
	REGION_MIMALLOC_POOL, /* what the mimalloc of a library mapped: a segment, an arena, a large block */
	REGION_POOL, /* some library's own: nobody went through it, but blocks of known objects lie in it */
	REGION_OBJECT, /* a mapping that a Python object made for itself */
	REGION_KERNEL, /* the kernel's: vdso and vsyscall */
	REGION_RESERVED, /* address space without access: takes no memory */
	REGION_OTHER, /* nobody known */
	REGION_KIND_COUNT
};

struct region {
	uint64_t start, end;
	uint32_t index;
	uint8_t kind; /* enum region_kind */
	uint8_t glibc; /* of several: whose */
	bool is_writable; /* private and writable: what a process has for itself */
	bool is_present; /* its bytes are in the dump */
};

struct mimalloc_use {
	uint64_t segments, segment_bytes;
	uint64_t used_blocks, used_bytes;
	uint64_t free_blocks, free_bytes; /* in pages that have a size, up to their capacity */
	uint64_t broken_pages;
};

struct mimalloc_segment_use {
	uint64_t bytes, used_bytes;
};

/* The mimalloc that a library was linked with. */
struct mimalloc_pools_use {
	uint64_t used_blocks, used_bytes;
	uint64_t free_blocks, free_bytes; /* in pages that have a size, up to their capacity */
	uint64_t pages, broken_pages;
	bool is_confirmed; /* hardly a page is broken; only then its blocks are believed */
};

/* Everything about memory that is not Python's own business. */
struct memory_map {
	const struct allocators *allocators;
	ARRAY(struct region) regions; /* by address; neither gaps in what is mapped nor overlaps */
	ARRAY(struct glibc_walk) walks; /* as allocators->glibc */
	struct pymalloc_use pymalloc;
	ARRAY(struct pymalloc_arena_use) arena_uses; /* as allocators->pymalloc.items */
	struct mimalloc_use mimalloc;
	ARRAY(struct mimalloc_segment_use) segment_uses;
	struct mimalloc_pools_use mimalloc_pools;
	uint64_t mapped; /* sum of all regions */
};

/* Walks all allocators. The allocators must outlive it. */
int memory_map_open(struct memory_map **ret_map, const struct allocators *allocators, const struct runtime *runtime,
                    struct progress *progress, struct error *error);
void memory_map_close(struct memory_map *map); /* NULL is fine */
/* The region that holds address; NULL: not mapped. */
const struct region *memory_map_find(const struct memory_map *map, uint64_t address);
/* The block in use, or in a pool of objects, that holds address, wherever in it; false: none, or its allocator's walk
 * was not confirmed. */
bool memory_map_block(const struct memory_map *map, struct reader *reader, uint64_t address,
                      struct allocator_block *ret_block);
/* Whether address lies in a heap that was gone through and confirmed, or where blocks with pages of their own were
 * looked for, and no block in use has it. False also where that is not known. */
bool memory_map_is_free(const struct memory_map *map, struct reader *reader, uint64_t address);
/* An object is known to have a block at address: if nobody claimed the memory there, it is a library's pool, with what
 * else is mapped beside it and nobody's. */
void memory_map_note_pool(struct memory_map *map, uint64_t address);
/* An object made [start, end) for itself: what of it nobody claimed. False: out of memory. */
bool memory_map_note_mapping(struct memory_map *map, uint64_t start, uint64_t end);
const char *region_kind_name(enum region_kind kind); /* "thread stack" */

#endif
