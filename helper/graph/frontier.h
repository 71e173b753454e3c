/* SPDX-License-Identifier: MIT
 * frontier: what a traversal has still to do. Not a stack of objects but of runs: a list of ten million items waits as
 * one entry, and a slot is looked at when its turn comes. Objects drawn from it go through two batches while the cache
 * lines they need arrive: first the head, then, the type now being known, the memory that the type points to. */
#ifndef PYDS_GRAPH_FRONTIER_H
#define PYDS_GRAPH_FRONTIER_H

#include "decode/decoder.h"
#include "graph/visited.h"

enum { BATCH_LENGTH = 32 };

/* What is left of a run. */
struct pending_run {
	const uint8_t *slots;
	uint64_t count;
	uint32_t stride;
	uint32_t flags; /* enum run_flag */
};

struct upcoming {
	struct object_head head;
	const struct type_info *type; /* NULL: not an object, or not looked at yet */
};

struct frontier {
	struct decoder *decoder;
	struct visited *visited;
	ARRAY(struct pending_run) runs;
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

static inline void frontier_add_run(struct frontier *frontier, const struct run *run)
{
	struct pending_run pending = { run->slots, run->count, run->stride, run->flags };
	if (__builtin_expect(!array_push(&frontier->runs, pending), 0))
		frontier->out_of_memory = true;
}

/* One object by address: false if it was reached before; *ret_upcoming is then not set. */
bool frontier_take(struct frontier *frontier, uint64_t address, struct upcoming *ret_upcoming);

#endif
