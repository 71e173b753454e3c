/* SPDX-License-Identifier: MIT
 * memory: every byte that the process had mapped, by owner; what of it is in use, free, or could be given back; and
 * what that says: live objects, fragmentation, or C code. */
#ifndef PYDS_QUERY_MEMORY_H
#define PYDS_QUERY_MEMORY_H

#include "allocator/region_map.h"
#include "graph/native/native_graph.h"
#include "memory/live/usage.h"
#include "query/memory/memory_regions.h"
#include "query/memory/pinned.h"
#include "query/memory/python_shares.h"
#include "query/memory/region_uses.h"
#include "query/query.h"

struct memory_question {
	bool with_owners; /* of what keeps nearly empty memory: takes as long as `native` */
	bool with_native; /* what leads to blocks of C code: takes as long as `native` */
	bool with_regions; /* what of each is in use and resident */
	uint64_t limit; /* of their types */
};

/* A line of the tree: its parts follow it one level deeper and sum to it. Before them, also one level deeper, stand
 * those that are "of it": what some of it is, and may be several of these. */
struct memory_part {
	const char *name; /* a literal */
	uint64_t bytes;
	uint64_t resident; /* valid where has_resident */
	uint64_t count; /* of what the name says; 0: not said */
	uint32_t level; /* 0: all that was mapped */
	bool has_resident;
	bool is_of_which;
};

enum verdict_kind {
	VERDICT_OBJECTS,
	VERDICT_RETURNABLE,
	VERDICT_FRAGMENTED,
	VERDICT_NATIVE,
	VERDICT_GARBAGE, /* bytes: an estimate where C code's are among them */
	VERDICT_TRACEMALLOC,
	VERDICT_UNKNOWN
};

struct memory_verdict {
	enum verdict_kind kind;
	uint64_t bytes;
	struct text text;
};

struct memory_answer {
	const struct memory_map *map; /* the target's */
	ARRAY(struct memory_part) parts;
	struct region_total kinds[REGION_KIND_COUNT];
	uint64_t mapped, resident;
	enum residency_source residency;
	uint64_t private_bytes; /* writable and private, resident as far as that is known */
	uint64_t named_bytes; /* of these, with an owner that is known */
	/* Of named_bytes, where blocks of C code were looked at: without those that nothing seen leads to, even where
	 * these are not resident. */
	uint64_t owned_bytes;
	uint64_t objects_bytes; /* that allocators took for Python objects */
	uint64_t native_bytes; /* in use and no object's, without what Python has for itself: free lists, tracemalloc */
	struct glibc_use malloc; /* of all C libraries */
	uint64_t malloc_mapped, malloc_mapped_blocks; /* blocks with pages of their own */
	uint64_t malloc_overhead; /* of heaps: headers of heaps and arenas */
	uint64_t returnable_resident;
	struct python_shares shares;
	const struct native_graph
	        *native; /* blocks in use that are no object's, by what leads to them; NULL: nobody asked */
	bool has_malloc; /* false: no heap of glibc was found, or what was found does not confirm itself */
	const char *refusal; /* why the latter; NULL */
	uint64_t refused_at;
	const char *other_malloc; /* NULL */
	bool has_usage;
	struct memory_usage usage; /* of a live process */
	ARRAY(struct memory_verdict) verdicts;
	struct pinned pinned;
	struct region_uses regions; /* empty: nobody asked */
	struct coverage coverage;
};

int query_memory(const struct query *query, const struct memory_question *question, struct memory_answer *ret_answer);
void memory_answer_clear(struct memory_answer *answer);

#endif
