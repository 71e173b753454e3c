/* SPDX-License-Identifier: MIT
 * visited: the set of objects a walk has reached: one bit per 16 bytes of mapped memory. Two objects never begin in the
 * same 16 bytes, since each is at least 16 bytes long. */
#ifndef PYDS_GRAPH_VISITED_H
#define PYDS_GRAPH_VISITED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/array.h"
#include "memory/address_space.h"

struct visited {
	uint64_t *words;
	uint64_t word_count;
	/* The words that are not 0, while they are few: forgetting a small walk must not cost a sweep of the whole set.
	 */
	uint64_t *touched;
	uint32_t touched_count;
	bool touched_overflow;
	ARRAY(uint64_t) odd; /* static objects may begin 8 bytes into a granule: their addresses, in order of entry */
};

bool visited_open(struct visited *visited, const struct address_space *space); /* false: out of memory */
void visited_close(struct visited *visited);
void visited_clear(struct visited *visited); /* the empty set */

enum { VISITED_MOST_TOUCHED = 1 << 14 };

/* Adds a granule (segment_granule()); true if it was not in the set. */
static inline bool visited_add(struct visited *visited, uint64_t granule)
{
	uint64_t *word = &visited->words[granule >> 6];
	uint64_t bit = UINT64_C(1) << (granule & 63);
	uint64_t old = *word;
	if (old & bit)
		return false;
	*word = old | bit;
	if (old == 0) {
		if (__builtin_expect(visited->touched_count < VISITED_MOST_TOUCHED, 0))
			visited->touched[visited->touched_count++] = granule >> 6;
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
static inline bool visited_add_shared(struct visited *visited, uint64_t granule)
{
	uint64_t *word = &visited->words[granule >> 6];
	uint64_t bit = UINT64_C(1) << (granule & 63);
	if (__atomic_load_n(word, __ATOMIC_RELAXED) & bit)
		return false;
	return (__atomic_fetch_or(word, bit, __ATOMIC_RELAXED) & bit) == 0;
}

/* Notes the address of an object just added that is no multiple of 16. False when memory is out. */
static inline bool visited_add_odd(struct visited *visited, uint64_t address)
{
	return array_push(&visited->odd, address);
}

static inline bool visited_has(const struct visited *visited, uint64_t granule)
{
	return visited->words[granule >> 6] >> (granule & 63) & 1;
}

#endif
