/* SPDX-License-Identifier: MIT
 * target: one Python process that is looked at, and all that is made of it: its memory, the runtime in it, the types,
 * the decoders, and, when somebody first asks, the walk and the graph of the whole heap with retained sizes. Two
 * targets share nothing, so that two may be open at once; one target is used by one thread at a time. */
#ifndef PYDS_TARGET_TARGET_H
#define PYDS_TARGET_TARGET_H

#include "allocator/region_map.h"
#include "base/error.h"
#include "decode/decoder.h"
#include "graph/native/native_graph.h"
#include "graph/native/python_blocks.h"
#include "graph/walk.h"
#include "memory/address_space.h"
#include "runtime/runtime.h"
#include "runtime/tracemalloc/tracemalloc.h"
#include "target/retained.h"

struct target {
	struct address_space *space;
	struct runtime *runtime;
	struct decode_context *context;
	struct decoder decoder; /* of the objects asked about, of the walk and the graph */
	struct decoder naming; /* for names/names.h, which decodes what it describes: decoder.out stays */
	struct walk *walk; /* target_walk(); NULL: nobody asked */
	struct heap_graph *graph; /* target_objects() and target_heap(); NULL: nobody asked */
	struct retained *heap; /* target_heap(): of graph; NULL: nobody asked */
	struct traced_place traced; /* target_traced() */
	bool traced_is_known;
	struct memory_map *memory; /* target_memory(); NULL: nobody asked */
	struct python_blocks *blocks; /* target_blocks(); NULL: nobody asked */
	bool has_noted_pools; /* memory has the names of what blocks say of libraries' pools */
	bool notes_blocks; /* target_note_blocks() */
	uint64_t large_most; /* its */
	struct native_graph *native; /* target_native(); NULL: nobody asked */
	struct byte_counts native_retained; /* target_native_retained() */
};

/* Finds Python in space, which the target owns from now on, also when this fails. */
int target_open(struct target **ret_target, struct address_space *space, const struct runtime_options *options,
                struct error *error);
void target_close(struct target *target); /* NULL is fine */

/* The target's walk, with nothing visited, in this measure. SIZE_NATIVE is known after target_heap() in that measure
 * only. */
int target_walk(struct target *target, enum size_measure measure, struct walk **ret_walk, struct error *error);

/* All objects, without what they refer to unless target_heap() was asked before: for who asks what there is, and not
 * what it keeps. Good until target_heap() is asked first. */
int target_objects(struct target *target, struct progress *progress, const struct heap_graph **ret_graph,
                   struct error *error);
/* The whole heap with retained sizes in this measure; borrowed. Built when first asked for, which takes seconds for
 * tens of millions of objects, counts them in progress and is given up when that says so; kept till the target is
 * closed. The next call may ask for another measure: the one before is then no longer there. */
int target_heap(struct target *target, enum size_measure measure, struct progress *progress,
                const struct retained **ret_heap, struct error *error);

/* Gives up what target_heap() and others made of all objects, for the memory it takes; borrowed answers end. Who asks
 * again has it built again. */
void target_forget(struct target *target);

/* Where tracemalloc's tables are; not tracing where they cannot be found. Looked for once. */
const struct traced_place *target_traced(struct target *target);
/* All that the process had mapped, by owner, with every allocator gone through; borrowed, and kept as the heap is. */
int target_memory(struct target *target, struct progress *progress, const struct memory_map **ret_map,
                  struct error *error);
/* Whether there is room to build the heap, if it is not there: to be asked before much of the target is read for it.
 * OK or ERROR_LIMIT, which says what to do. */
int target_require_heap(struct target *target, struct error *error);
/* Before the heap is built, for who asks for these next: they are noted by the way, unless objects of more than 512
 * bytes take more than so many bytes. Only of use to time. */
int target_note_blocks(struct target *target, uint64_t large_most, struct progress *progress, struct error *error);
/* Which of the allocators' blocks are objects'; needs all objects. */
int target_blocks(struct target *target, struct progress *progress, const struct python_blocks **ret_blocks,
                  struct error *error);
/* The blocks of C code and the objects that they hang on. */
int target_native(struct target *target, struct progress *progress, const struct native_graph **ret_native,
                  struct error *error);
/* Bytes of these that hang on each node of the graph itself: heap->graph->native. Needs the heap. */
int target_weigh_native(struct target *target, struct progress *progress, struct error *error);
/* Bytes of them that each number of the dominator tree retains; borrowed. */
int target_native_retained(struct target *target, struct progress *progress, const struct byte_counts **ret_bytes,
                           struct error *error);

#endif
