/* SPDX-License-Identifier: MIT
 * python_shares: what of the memory that Python took is not its users' data: the collector's words before objects,
 * code, interned strings, free lists, tracemalloc's own tables. Each is a part of what its allocator counts for Python
 * objects, or for what is in use and no object's. */
#ifndef PYDS_QUERY_PYTHON_SHARES_H
#define PYDS_QUERY_PYTHON_SHARES_H

#include "query/query.h"

enum python_share {
	SHARE_COLLECTOR, /* of objects; count: objects with such words */
	SHARE_CODE, /* of objects; count: code objects */
	SHARE_INTERNED, /* of objects; the strings, without the dict that lists them */
	SHARE_FREE_LISTS, /* of what is no object's; count: blocks */
	SHARE_TRACEMALLOC, /* of what is no object's; count: blocks */
	SHARE_COUNT
};

struct free_list_row {
	const char *name; /* a literal */
	uint64_t count, bytes;
};

struct python_shares {
	uint64_t count[SHARE_COUNT][ALLOCATOR_COUNT], bytes[SHARE_COUNT][ALLOCATOR_COUNT]; /* as allocators took */
	struct {
		uint64_t count, bytes; /* of all entries; of them those in no allocator's memory take none */
		uint64_t immortal_count, immortal_bytes;
		uint64_t dict_bytes; /* of the dicts that list them */
		uint64_t static_count; /* besides: static ones, in a table of the runtime's own (3.12+) */
		bool is_known;
	} interned;
	ARRAY(struct free_list_row) free_lists; /* most bytes first */
	bool free_lists_are_known; /* false: nothing says where they begin */
	uint64_t torn_free_lists; /* of which not all that they say could be found */
	uint64_t traced_bytes; /* tracemalloc.get_tracemalloc_memory(); 0: not tracing, or not known */
};

/* Needs all objects. */
int python_shares_find(struct python_shares *shares, const struct query *query, const struct memory_map *map,
                       const struct python_blocks *blocks);
void python_shares_clear(struct python_shares *shares);
uint64_t python_share_bytes(const struct python_shares *shares, enum python_share share); /* of all allocators */
uint64_t python_share_count(const struct python_shares *shares, enum python_share share);

#endif
