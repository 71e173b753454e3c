/* SPDX-License-Identifier: MIT
 * object_index: numbers the objects of a heap by address. A bitmap (graph/visited.h) with running counts: address to
 * number is a few instructions and 0.06 bytes for each byte of heap, without a hash. */
#ifndef PYDS_GRAPH_OBJECT_INDEX_H
#define PYDS_GRAPH_OBJECT_INDEX_H

#include "base/error.h"
#include "graph/visited.h"

enum { BITS_PER_RANK = 512, OBJECTS_PER_PLACE = 512 };

struct object_index {
	const struct address_space *space;
	struct visited objects; /* once numbered, words has a bit for odd ones too */
	uint32_t *ranks; /* objects before each group of BITS_PER_RANK bits */
	/* Where each OBJECTS_PER_PLACE'th object is, and behind the last one: its group, and the segment that this
	 * begins in. */
	struct object_index_entry {
		uint32_t group, segment;
	} * places;
	uint32_t count;
	bool is_damaged; /* set by who fills it: there are references to what is no object, maybe 8 bytes beside one */
};

int object_index_open(struct object_index *index, const struct address_space *space, struct error *error);
void object_index_close(struct object_index *index);

/* After `objects` was filled (graph/frontier.h): counts. ERROR_LIMIT above 2^32 - 2^20 objects. */
int object_index_number(struct object_index *index, struct error *error);

/* A function made with the processor's own counting of bits, of which a rank takes up to eight: to be called only where
 * object_index_has_popcnt() says so. */
#ifdef __x86_64__
#define WITH_POPCNT __attribute__((target("popcnt")))
#else
#define WITH_POPCNT
#endif

static inline bool object_index_has_popcnt(void)
{
#ifdef __x86_64__
	return __builtin_cpu_supports("popcnt");
#else
	return false;
#endif
}

/* Inlined always: also into functions for processors that count bits by themselves. */
static inline __attribute__((always_inline)) uint32_t object_index_rank(const struct object_index *index,
                                                                        uint64_t granule)
{
	uint64_t word = granule >> 6;
	uint32_t rank = index->ranks[granule / BITS_PER_RANK];
	for (uint64_t i = word & ~(uint64_t)(BITS_PER_RANK / 64 - 1); i < word; i++)
		rank += (uint32_t)__builtin_popcountll(index->objects.words[i]);
	return rank +
	       (uint32_t)__builtin_popcountll(index->objects.words[word] & ((UINT64_C(1) << (granule & 63)) - 1));
}

/* Where in its granule an object begins: 0 or 8. */
static inline uint64_t object_index_oddness(const struct object_index *index, uint64_t granule)
{
	return (index->objects.odd_words[granule >> 6] >> (granule & 63) & 1) << 3;
}

/* The number of the object that a reference leads to, in a segment; UINT32_MAX if none does. */
static inline __attribute__((always_inline)) uint32_t object_index_in(const struct object_index *index,
                                                                      const struct segment *segment, uint64_t address)
{
	const uint64_t granule = segment_granule(segment, address);
	if (__builtin_expect((index->objects.words[granule >> 6] >> (granule & 63) & 1) == 0, 0))
		return UINT32_MAX;
	if (__builtin_expect((address & 15) != 0 || index->is_damaged, 0) &&
	    (address & 15) != object_index_oddness(index, granule))
		return UINT32_MAX;
	return object_index_rank(index, granule);
}

/* The number of the object at any address; UINT32_MAX if none is. */
uint32_t object_index_find(const struct object_index *index, uint64_t address);
/* The address of an object by number. */
uint64_t object_index_address(const struct object_index *index, uint32_t number);

/* All objects in order of address. */
struct object_cursor {
	const struct object_index *index;
	const struct segment *segment;
	uint64_t end_bit; /* where the granules of the segment end */
	uint64_t word, bits; /* current word's number, and what is left of it */
};
void object_cursor_init(struct object_cursor *cursor, const struct object_index *index);
/* From an object on, by number. */
void object_cursor_init_at(struct object_cursor *cursor, const struct object_index *index, uint32_t number);
void object_cursor_enter(struct object_cursor *cursor, uint64_t granule); /* the segment that has it: a later one */

/* Of the object that begins in a granule. */
static inline uint64_t object_index_place(const struct object_index *index, const struct segment *segment,
                                          uint64_t granule)
{
	return ((segment->start >> 4) + (granule - segment->first_bit)) << 4 | object_index_oddness(index, granule);
}

/* 0 at the end. */
static inline uint64_t object_cursor_next(struct object_cursor *cursor)
{
	const struct object_index *index = cursor->index;
	while (cursor->bits == 0) {
		if (++cursor->word >= index->objects.word_count)
			return 0;
		cursor->bits = index->objects.words[cursor->word];
	}
	const uint64_t granule = cursor->word * 64 + (uint64_t)__builtin_ctzll(cursor->bits);
	cursor->bits &= cursor->bits - 1;
	if (__builtin_expect(granule >= cursor->end_bit, 0))
		object_cursor_enter(cursor, granule);
	return object_index_place(index, cursor->segment, granule);
}

#endif
