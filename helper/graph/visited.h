/* SPDX-License-Identifier: MIT
 * visited: the set of objects a walk has reached, as bits. A place is the number of a bit: one for each 16 bytes of
 * mapped memory, since no object is shorter, and one more for each where it is the upper 8 bytes that an object begins
 * at, as static ones may. So an address that is no object's never stands in for one that is. */
#ifndef PYDS_GRAPH_VISITED_H
#define PYDS_GRAPH_VISITED_H

#include <stdbool.h>
#include <stdint.h>

#include "memory/address_space.h"

struct visited {
	uint64_t *words; /* bits of objects at multiples of 16 */
	uint64_t *odd_words; /* of those 8 bytes further: behind words, in the same allocation */
	uint64_t word_count; /* of either */
	/* The words that are not 0, while they are few: forgetting a small walk must not cost a sweep of the whole set.
	 */
	uint64_t *touched;
	uint32_t touched_count;
	bool touched_overflow;
};

bool visited_open(struct visited *visited, const struct address_space *space); /* false: out of memory */
void visited_close(struct visited *visited);
void visited_clear(struct visited *visited); /* the empty set */

enum { VISITED_MOST_TOUCHED = 1 << 14 };

/* Of an address in a segment, multiple of 8. */
static inline uint64_t visited_place(const struct visited *visited, const struct segment *segment, uint64_t address)
{
	const uint64_t granule = segment_granule(segment, address);
	return __builtin_expect((address & 8) != 0, 0) ? granule + visited->word_count * 64 : granule;
}

/* Adds a place; true if it was not in the set. */
static inline bool visited_add(struct visited *visited, uint64_t place)
{
	uint64_t *word = &visited->words[place >> 6];
	uint64_t bit = UINT64_C(1) << (place & 63);
	uint64_t old = *word;
	if (old & bit)
		return false;
	*word = old | bit;
	if (old == 0) {
		if (__builtin_expect(visited->touched_count < VISITED_MOST_TOUCHED, 0))
			visited->touched[visited->touched_count++] = place >> 6;
		else
			visited->touched_overflow = true;
	}
	return true;
}

/* Before several threads add to the set at once. */
static inline void visited_share(struct visited *visited)
{
	visited->touched_overflow = true;
}

/* visited_add() for them: true for just one. */
static inline bool visited_add_shared(struct visited *visited, uint64_t place)
{
	uint64_t *word = &visited->words[place >> 6];
	uint64_t bit = UINT64_C(1) << (place & 63);
	if (__atomic_load_n(word, __ATOMIC_RELAXED) & bit)
		return false;
	return (__atomic_fetch_or(word, bit, __ATOMIC_RELAXED) & bit) == 0;
}

/* Also while other threads add. */
static inline bool visited_has(const struct visited *visited, uint64_t place)
{
	return __atomic_load_n(&visited->words[place >> 6], __ATOMIC_RELAXED) >> (place & 63) & 1;
}

#endif
