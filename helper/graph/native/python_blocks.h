/* SPDX-License-Identifier: MIT
 * python_blocks: which of the allocators' blocks belong to Python objects: their bodies and what they are known to own,
 * unless it is another library's. Every block counts once, whoever shares it. What is in use and not among them is C
 * code's. */
#ifndef PYDS_GRAPH_PYTHON_BLOCKS_H
#define PYDS_GRAPH_PYTHON_BLOCKS_H

#include <string.h>

#include "allocator/glibc_chunks.h"
#include "allocator/region_map.h"
#include "decode/allocated.h"
#include "graph/heap/heap_graph.h"
#include "graph/visited.h"

/* A block that an object of a C type is known to have, and that sys.getsizeof() does not count: a stream's state, a
 * buffer of Arrow. No part of the object's own memory, but a native block whose owner is exact. */
struct known_block {
	uint64_t address, bytes; /* as the allocator has it; where none is known, as was asked for */
	uint64_t asked; /* bytes, by the object's decoder */
	uint32_t node; /* the object */
	uint8_t allocator; /* enum allocator */
	bool is_shared; /* met before, from another object or a place of the same one */
};

/* A block that an object has for a library, or a program: its words may be pointers too. */
struct opaque_piece {
	uint64_t address, bytes; /* that may be looked at */
	uint32_t node; /* the object */
};

struct python_blocks {
	struct visited starts; /* blocks, by where they begin */
	uint64_t blocks[ALLOCATOR_COUNT], bytes[ALLOCATOR_COUNT]; /* taken; of ALLOCATOR_NONE none */
	/* Of these bytes: the collector's words before objects; code objects with their blocks. */
	uint64_t collector_heads[ALLOCATOR_COUNT], collector_bytes[ALLOCATOR_COUNT];
	uint64_t codes[ALLOCATOR_COUNT], code_bytes[ALLOCATOR_COUNT];
	uint64_t disagreements; /* blocks that the allocator has in another size than was decoded, or not in use; not
	                           among the sums, nor known */
	ARRAY(struct known_block) known; /* by address; one that several have, with each */
	uint64_t outside_bytes; /* of them, each once, those in no malloc that was gone through */
	/* Objects with words in their bodies that no decoder knows: one bit for each object, by number. */
	uint64_t *opaque;
	uint64_t opaque_count;
	ARRAY(struct opaque_piece) pieces; /* of these objects, in their order */
};

/* Whether words in block i of what was decoded may be pointers: what it has for a library, or ctypes for a program. */
static inline bool opaque_block(const struct decoded *out, size_t i)
{
	return (out->blocks.items[i].flags & BLOCK_OPAQUE) != 0 || strcmp(out->type->entry->id, "ctypes_data") == 0;
}

/* Bytes of such a block, from its address on, that the object can have written to; 0: not known. */
static inline uint64_t opaque_room(const struct allocation *allocation)
{
	const bool is_chunk = allocation->allocator == ALLOCATOR_MALLOC || allocation->allocator == ALLOCATOR_MMAP;
	const uint64_t before = allocation->address - allocation->block; /* guards of a debug build */
	const uint64_t after = is_chunk ? GLIBC_CHUNK_HEADER / 2 : 0; /* the size of the next chunk */
	if (allocation->allocator == ALLOCATOR_UNKNOWN || allocation->taken <= before + after)
		return 0;
	const uint64_t room = allocation->taken - before - after, most = (allocation->most + 7) & ~UINT64_C(7);
	return most != 0 && most < room ? most : room;
}

/* The memory's walks say which blocks are in use. */
int python_blocks_find(struct python_blocks *blocks, const struct heap_graph *graph, const struct memory_map *memory,
                       struct progress *progress, struct error *error);
void python_blocks_clear(struct python_blocks *blocks);

/* ---- For who goes through the objects for another reason: graph/native/block_noter.h ---- */

/* None yet. To be cleared. */
int python_blocks_open(struct python_blocks *blocks, const struct object_index *index, struct error *error);
/* Where part i of so many begins: no two parts have objects whose bits are in one word of `opaque`. */
static inline uint32_t python_blocks_part(uint64_t objects, unsigned i, unsigned count)
{
	return (uint32_t)(i < count ? objects * i / count / 64 * 64 : objects);
}
/* What a noter has of its part: in order of the parts, so that the numbers of all are in order. False: no memory. */
bool python_blocks_add(struct python_blocks *blocks, const struct python_blocks *more);
/* After the last part. */
void python_blocks_complete(struct python_blocks *blocks);

/* The first object from `node` on, below `end`, that has such words; `end`: none. */
static inline uint32_t python_blocks_next_opaque(const struct python_blocks *blocks, uint32_t node, uint32_t end)
{
	while (node < end) {
		const uint64_t bits = blocks->opaque[node / 64] >> node % 64;
		if (bits != 0) {
			const uint64_t next = (uint64_t)node + (unsigned)__builtin_ctzll(bits);
			return next < end ? (uint32_t)next : end;
		}
		if (end - node <= 64 - node % 64)
			return end;
		node += 64 - node % 64;
	}
	return end;
}

/* Whether the block that begins at address is an object's. */
bool python_blocks_has(const struct python_blocks *blocks, struct reader *reader, uint64_t address);

#endif
