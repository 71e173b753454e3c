/* SPDX-License-Identifier: MIT
 * pinned: what keeps arenas of pymalloc and stretches of malloc's heaps that are nearly empty: the objects that have
 * the blocks in them, and the blocks of C code with the objects that they hang on. */
#ifndef PYDS_QUERY_PINNED_H
#define PYDS_QUERY_PINNED_H

#include "query/memory/sparse_heaps.h"

enum pinned_place { PINNED_ARENAS, PINNED_HEAPS, PINNED_PLACES };

enum pinned_kind {
	PINNED_OBJECT, /* an object, or what it has beside itself */
	PINNED_NATIVE, /* a block of C code that hangs on an object: an estimate */
	PINNED_GARBAGE, /* one that hangs on an object that no root reaches */
	PINNED_SEVERAL, /* one that hangs on several objects */
	PINNED_STATIC, /* one that only variables of a file lead to */
	PINNED_TREES, /* a syntax tree of Python's compiler */
	PINNED_UNSEEN, /* one that nothing seen leads to, or whose owner was not looked for */
	PINNED_FREE_LIST, /* Python's own, for its next objects */
	PINNED_CACHED, /* kept by a thread for its next calls */
};

struct pinned_type { /* blocks whose owners are of one type, or none */
	enum pinned_kind kind;
	const struct type_info *type; /* of PINNED_OBJECT, PINNED_NATIVE and PINNED_GARBAGE: the owner's */
	const char *file; /* of PINNED_STATIC: its path, borrowed */
	uint64_t count, bytes;
	uint64_t example; /* an owner; without one a block */
	struct text name; /* of the example where it is an object: as code would call it; not escaped */
};

/* The last block of a heap that a stretch lies in: while it lives the heap does not shrink. */
struct pinned_end {
	uint64_t block, bytes;
	enum pinned_kind kind;
	uint64_t owner; /* an object; 0: none */
	const struct type_info *type; /* of owner */
	const char *role; /* what the block is to it, a literal: "keys table"; NULL: its own memory */
	struct text name; /* of owner, or of the file whose variables lead to it; not escaped */
};

struct pinned {
	uint64_t sparse_arenas, sparse_bytes; /* of pymalloc, with less than a tenth in use; what they take */
	struct sparse_heaps heaps;
	bool has_owners; /* false: nobody asked for what follows */
	struct pinned_types {
		struct pinned_type *items; /* most bytes first */
		size_t count, capacity;
	} types[PINNED_PLACES];
	ARRAY(struct pinned_end) ends; /* as heaps.stretches, the first of them */
};

/* The arenas and stretches, without owners. */
int pinned_find(struct pinned *pinned, const struct query *query, const struct memory_map *map);
/* After it, whose the blocks in them are: goes through all objects, and the native graph, which takes as long as the
 * command native. At most `limit` types and ends. */
int pinned_find_owners(struct pinned *pinned, const struct query *query, const struct memory_map *map, uint64_t limit);
void pinned_clear(struct pinned *pinned);

#endif
