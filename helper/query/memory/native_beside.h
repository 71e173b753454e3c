/* SPDX-License-Identifier: MIT
 * native_beside: bytes of C code that hang on objects, for who shows them beside the objects' own; and what share of
 * the process's private memory has an owner that is known. */
#ifndef PYDS_QUERY_NATIVE_BESIDE_H
#define PYDS_QUERY_NATIVE_BESIDE_H

#include "query/query.h"

enum {
	NATIVE_WORTH_BYTES =
	        1 << 20, /* below that, or below a 50th of the private memory, nobody misses what C code has */
	NATIVE_WORTH_SHARE = 50,
};

struct native_beside {
	bool is_known; /* else there are too few to be worth the time, nobody wants them, or the measure is native
	                  already */
	const char *left_out; /* why not, or why not all, for people; NULL: they are known, or there are none */
	bool is_missed; /* nobody asked to leave them out, and there may be many: to be said in the text too */
	bool is_exact; /* no word was taken for a pointer: all owners were decoded */
	const struct byte_counts *retained; /* of the dominator tree; the target's; NULL where they are not known */
	uint64_t total; /* of all that hang on objects that are reachable */
	uint64_t garbage; /* of all that hang on objects that no root reaches */
	uint64_t guess; /* where they are not known: about so many at most, owned or not */
	uint64_t private_bytes; /* writable and private, resident as far as that is known */
	uint64_t named_bytes; /* of these, with an owner that is known */
};

/* query_heap() for who asks the next one afterwards: what that will need is noted while the heap is built. */
int query_heap_and_blocks(const struct query *query, const struct retained **ret_heap);
/* Needs the heap, which must have been asked for. */
int query_native_beside(const struct query *query, struct native_beside *ret_beside);
/* The same for who asks native_beside_of() of no number: `retained` is NULL. */
int query_native_beside_sums(const struct query *query, struct native_beside *ret_beside);

/* UINT32_MAX: an object that no root reaches: nothing is retained. */
static inline uint64_t native_beside_of(const struct native_beside *beside, uint32_t number)
{
	return beside->retained != NULL && number != UINT32_MAX ? byte_counts_at(beside->retained, number) : 0;
}

#endif
