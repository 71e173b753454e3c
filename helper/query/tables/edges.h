/* SPDX-License-Identifier: MIT
 * edges: the references of the heap's graph one by one, with the words that hold them. The graph has numbers only; its
 * labels are made again by decoding, and a word whose meaning is not known (LABEL_WORD) is an edge only where the graph
 * took it for one. Exports and the table of references share it, so that both have the edges that retained sizes were
 * computed from. */
#ifndef PYDS_QUERY_TABLES_EDGES_H
#define PYDS_QUERY_TABLES_EDGES_H

#include "target/target.h"

/* The references of one object. */
struct edge_cursor {
	const struct retained *heap;
	struct decoder *decoder;
	uint32_t source; /* by number of the graph */
	uint32_t source_number; /* of the dominator tree; UINT32_MAX: nothing reaches it */
	size_t run; /* in decoder->out.runs */
	uint64_t slot;
	size_t block; /* in graph->block_references, which come last */
	struct run block_run;
	/* The reference that next() found. */
	const struct run *found; /* borrowed from decoder->out, or from the cursor */
	uint64_t index; /* of the slot in the run */
	uint32_t target; /* by number of the graph */
};

/* Decodes the object at address, whose number is `object`, with a decoder that is the cursor's until it is done. */
void edge_cursor_open(struct edge_cursor *cursor, const struct retained *heap, struct decoder *decoder, uint32_t object,
                      uint64_t address);
/* The next reference, in the order of the object's memory; false: that was the last one. */
bool edge_cursor_next(struct edge_cursor *cursor);

/* "attribute", "item", "key", "value", "local", "stack", "class", "dict", "slot", "subclass", "word". */
const char *edge_kind_name(const struct run *run);

#endif
