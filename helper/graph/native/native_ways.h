/* SPDX-License-Identifier: MIT
 * native_ways: the native blocks that one object, or one block, leads to by itself: known to its decoder, or named by a
 * word that looks like a pointer. The graph keeps whose each block is, not what leads to it: these are looked for when
 * somebody asks. */
#ifndef PYDS_GRAPH_NATIVE_WAYS_H
#define PYDS_GRAPH_NATIVE_WAYS_H

#include "graph/native/native_graph.h"

struct native_way {
	uint64_t at; /* of the word; 0: the object's decoder knows the block */
	uint64_t inside; /* bytes into the block that it points to */
	uint32_t block; /* index in the graph's blocks */
};

typedef ARRAY(struct native_way) native_way_array;

/* Appends those of an object, in order of the words; decodes it. Of one whose words are all known only what its decoder
 * knows. ERROR_NO_MEMORY or ERROR_CANCELLED, without a sentence. */
int native_ways_of_object(const struct native_graph *graph, struct decoder *decoder, uint64_t object,
                          native_way_array *ways, struct progress *progress);
/* The same of a block. Of a large one with few such words nothing: compressed data, pixels and numbers look like
 * addresses now and then. */
int native_ways_of_block(const struct native_graph *graph, struct reader *reader, uint32_t block,
                         native_way_array *ways, struct progress *progress);

#endif
