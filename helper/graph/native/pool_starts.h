/* SPDX-License-Identifier: MIT
 * pool_starts: puts blocks of pymalloc's pools into a set that threads share. Objects come in order of address, many
 * from one pool: what its header says is looked up once for all of them, and their bits are set together. */
#ifndef PYDS_GRAPH_POOL_STARTS_H
#define PYDS_GRAPH_POOL_STARTS_H

#include "decode/allocated.h"
#include "graph/visited.h"

enum {
	POOL_UNITS_MOST = 1 << 10, /* of PYMALLOC_ALIGNMENT in a pool: 16 KiB */
	RECIPROCAL_SHIFT = 20,
};

/* The pool that was looked at last, and what of it is not in the set yet. */
struct pool_starts {
	struct visited *set;
	uint64_t address; /* of the first block; UINT64_MAX: no pool is known */
	uint64_t room; /* bytes from there to the pool's end */
	uint64_t place; /* in the set, of the first block */
	uint32_t bytes; /* of a block */
	uint32_t reciprocal; /* of a block's units, times 2^RECIPROCAL_SHIFT, rounded up */
	/* Bits of one word of the set; those of objects that the collector's words are in front of. */
	uint64_t word, bits, heads;
	/* Of all that were new in the set. */
	uint64_t count, sum, head_count;
};

static inline void pool_starts_init(struct pool_starts *starts, struct visited *set)
{
	*starts = (struct pool_starts){ .set = set, .address = UINT64_MAX };
}

/* To be called before what was counted is asked for. */
static inline void pool_starts_flush(struct pool_starts *starts)
{
	if (starts->bits == 0)
		return;
	const uint64_t before = __atomic_fetch_or(&starts->set->words[starts->word], starts->bits, __ATOMIC_RELAXED);
	const uint64_t added = starts->bits & ~before;
	const uint64_t count = (uint64_t)__builtin_popcountll(added);
	starts->count += count;
	starts->sum += count * starts->bytes;
	if (starts->heads != 0)
		starts->head_count += (uint64_t)__builtin_popcountll(added & starts->heads);
	starts->bits = starts->heads = 0;
}

/* The pool of an address becomes the one that is known. False: it is in none. */
bool pool_starts_turn(struct pool_starts *starts, struct decoder *decoder, uint64_t address);

/* Puts in the block at address if it is one of a pool, of the very size for such a request. False: nothing is put in;
 * allocation_find() has to look. */
static inline bool pool_starts_add(struct pool_starts *starts, struct decoder *decoder, uint64_t address,
                                   uint64_t requested, bool has_head)
{
	if (requested > PYMALLOC_LARGEST ||
	    (address - starts->address >= starts->room && !pool_starts_turn(starts, decoder, address)))
		return false;
	const uint64_t inside = address - starts->address, units = inside / PYMALLOC_ALIGNMENT;
	/* As inside % bytes == 0, without dividing. */
	const uint64_t number = units * starts->reciprocal >> RECIPROCAL_SHIFT;
	if (starts->bytes != pymalloc_block_bytes(requested) || number * starts->bytes != inside)
		return false;
	const uint64_t place = starts->place + units, bit = UINT64_C(1) << (place & 63);
	if (place >> 6 != starts->word) {
		pool_starts_flush(starts);
		starts->word = place >> 6;
	}
	starts->heads |= has_head && (starts->bits & bit) == 0 ? bit : 0;
	starts->bits |= bit;
	return true;
}

#endif
