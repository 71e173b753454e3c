/* SPDX-License-Identifier: MIT
 * frontier: what a traversal has still to do. Not a stack of objects but of runs: a list of ten million items waits as
 * one entry, and a slot is looked at when its turn comes. Objects drawn from it go through two batches while the cache
 * lines they need arrive: first the head, then, the type now being known, the memory that the type points to. */
#ifndef PYDS_GRAPH_FRONTIER_H
#define PYDS_GRAPH_FRONTIER_H

#include "decode/decoder.h"
#include "graph/visited.h"

enum { BATCH_LENGTH = 32 };

struct upcoming {
	struct object_head head;
	const struct type_info *type; /* NULL: not an object, or not looked at yet */
};

struct frontier {
	struct decoder *decoder;
	struct visited *visited;
	struct run_sink runs; /* what is left of each; decoder->sink while an object is decoded */
	uint64_t wild; /* references to memory that is not mapped, and the first of them */
	uint64_t wild_example;
	bool out_of_memory;
	uint32_t next, ready_count; /* in the batch that is given out */
	uint32_t drawn_count; /* in the other one */
	uint32_t ready; /* which batch is given out: 0 or 1 */
	struct upcoming batches[2][BATCH_LENGTH];
};

void frontier_init(struct frontier *frontier, struct decoder *decoder, struct visited *visited);
void frontier_clear(struct frontier *frontier);

/* Makes the next batch ready; false at the end. */
bool frontier_refill(struct frontier *frontier);

/* The next object never reached before, NULL at the end; valid until the next call. */
static inline const struct upcoming *frontier_next(struct frontier *frontier)
{
	if (__builtin_expect(frontier->next == frontier->ready_count, 0) && !frontier_refill(frontier))
		return NULL;
	return &frontier->batches[frontier->ready][frontier->next++];
}

/* Decodes an object that the frontier gave out; its references become runs of the frontier, as far as the sink lets
 * them pass. As decode_typed_object() otherwise. */
static inline bool frontier_decode(struct frontier *frontier, const struct upcoming *upcoming)
{
	frontier->decoder->sink = &frontier->runs;
	bool is_object = decode_typed_object(frontier->decoder, &upcoming->head, upcoming->type);
	frontier->decoder->sink = NULL;
	return is_object;
}

void frontier_add_run(struct frontier *frontier, const struct run *run);

/* One object by address: false if it was reached before; *ret_upcoming is then not set. */
bool frontier_take(struct frontier *frontier, uint64_t address, struct upcoming *ret_upcoming);

#endif
