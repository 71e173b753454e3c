/* SPDX-License-Identifier: MIT
 * object_index: numbers the objects of a heap by address. A bitmap (graph/visited.h) with running counts: address to
 * number is a few instructions and 0.06 bytes for each byte of heap, without a hash. */
#ifndef PYDS_GRAPH_OBJECT_INDEX_H
#define PYDS_GRAPH_OBJECT_INDEX_H

#include "base/array.h"
#include "graph/visited.h"

enum { BITS_PER_RANK = 512 };

struct object_index {
	const struct address_space *space;
	struct visited objects;
	uint32_t *ranks; /* objects before each group of BITS_PER_RANK bits */
	uint32_t count;
};

int object_index_open(struct object_index *index, const struct address_space *space, struct error *error);
void object_index_close(struct object_index *index);

/* After `objects` was filled (graph/frontier.h): counts. ERROR_LIMIT above 2^32 - 2^20 objects. */
int object_index_number(struct object_index *index, struct error *error);

static inline uint32_t object_index_rank(const struct object_index *index, uint64_t granule)
{
	uint64_t word = granule >> 6;
	uint32_t rank = index->ranks[granule / BITS_PER_RANK];
	for (uint64_t i = word & ~(uint64_t)(BITS_PER_RANK / 64 - 1); i < word; i++)
		rank += (uint32_t)__builtin_popcountll(index->objects.words[i]);
	return rank +
	       (uint32_t)__builtin_popcountll(index->objects.words[word] & ((UINT64_C(1) << (granule & 63)) - 1));
}

/* The number of the object at address; UINT32_MAX if none is. */
uint32_t object_index_find(const struct object_index *index, uint64_t address);
/* The address of an object by number. */
uint64_t object_index_address(const struct object_index *index, uint32_t number);

/* All objects in order of address. */
struct object_cursor {
	const struct object_index *index;
	const struct segment *segment;
	uint64_t word, bits; /* current word's number, and what is left of it */
	size_t odd;
};
void object_cursor_init(struct object_cursor *cursor, const struct object_index *index);
/* From an object on, by number. */
void object_cursor_init_at(struct object_cursor *cursor, const struct object_index *index, uint32_t number);
uint64_t object_cursor_next(struct object_cursor *cursor); /* 0 at the end */

#endif
