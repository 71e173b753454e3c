/* SPDX-License-Identifier: MIT
 * frontier: what a traversal has still to do. Not a stack of objects but of runs: a list of ten million items waits as
 * one entry, and a slot is looked at when its turn comes. Objects drawn from it go through two batches while the cache
 * lines they need arrive: first the head, then, the type now being known, the memory that the type points to. */
#ifndef PYDS_GRAPH_FRONTIER_H
#define PYDS_GRAPH_FRONTIER_H

#include <pthread.h>
#include <stdatomic.h>

#include "decode/decoder.h"
#include "graph/coverage.h"
#include "graph/visited.h"

enum { BATCH_LENGTH = 32 };

struct upcoming {
	struct object_head head;
	const struct type_info *type; /* NULL: not looked at yet */
	uint64_t place; /* in the set of visited ones */
};

/* Where several frontiers of one traversal, each with a thread and a decoder of its own, meet: who has nothing left to
 * do waits for runs that others have to spare. All is done when everybody waits. */
struct frontier_pool {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	ARRAY(struct pending_run) runs;
	unsigned active; /* members that are at work */
	atomic_uint waiting;
	atomic_bool is_over;
};

struct frontier {
	struct decoder *decoder;
	struct visited *visited;
	struct frontier_pool *pool; /* NULL: nobody else works on the same set */
	bool is_patient; /* waits for others' runs when its own are done */
	struct run_sink runs; /* what is left of each; decoder->sink while an object is decoded */
	struct coverage coverage; /* of references that were looked at: each one that leads to no object */
	uint64_t slots_drawn; /* references that were looked at */
	uint64_t mark; /* a place in the set of visited ones; UINT64_MAX: none */
	bool is_mark_met; /* a reference led there again */
	bool out_of_memory;
	uint32_t next, ready_count; /* in the batch that is given out */
	uint32_t drawn_count; /* in the other one */
	uint32_t ready; /* which batch is given out: 0 or 1 */
	struct upcoming batches[2][BATCH_LENGTH];
};

void frontier_init(struct frontier *frontier, struct decoder *decoder, struct visited *visited);
void frontier_clear(struct frontier *frontier);

/* A pool has as many members as called frontier_join() and not yet frontier_leave(); one has joined from the start,
 * whose frontier holds all there is to do. The set of what was reached must have been told: visited_share(). */
bool frontier_pool_open(struct frontier_pool *pool);
void frontier_pool_close(struct frontier_pool *pool);
void frontier_join(struct frontier *frontier, struct frontier_pool *pool);
void frontier_leave(struct frontier *frontier);
void frontier_pool_stop(struct frontier_pool *pool); /* all members end soon */

/* Makes the next batch ready; false at the end. */
bool frontier_refill(struct frontier *frontier);

/* The next object never reached before, NULL at the end; valid until the next call. An address is entered in the set
 * only once it is known that an object begins there: a reference that leads to none hides nothing. */
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

static inline void frontier_add_words(struct frontier *frontier, struct pending_run words)
{
	if (!array_push(&frontier->runs, words))
		frontier->out_of_memory = true;
}

void frontier_add_run(struct frontier *frontier, const struct run *run);

/* One object by address: false if it was reached before, or is none, which is noted in coverage; *ret_upcoming is then
 * not set. */
bool frontier_take(struct frontier *frontier, uint64_t address, struct upcoming *ret_upcoming);

#endif
