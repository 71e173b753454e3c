/* SPDX-License-Identifier: MIT
 * frame_weights: what frames and their locals keep alive and reach. */
#ifndef PYDS_QUERY_FRAME_WEIGHTS_H
#define PYDS_QUERY_FRAME_WEIGHTS_H

#include "base/address_map.h"
#include "base/array.h"
#include "query/query.h"

struct frame_weights {
	const struct query *query;
	const struct retained *heap;
	uint64_t *only_here; /* by holder: bytes that the frame alone keeps alive */
	struct address_map known; /* objects whose deep size is known, which several frames have: index in deep */
	ARRAY(uint64_t) deep;
	/* A recursion hands on what it has: a walk that has reached what one object does and nothing else, which goes
	 * on from the next frame's. NULL: there is none yet. */
	struct walk *chain;
	uint64_t chain_start, chain_deep; /* the object, 0: none; bytes that it reaches */
	uint32_t chain_misses; /* how often the next frame's did not lead there */
};

/* Builds the graph of the whole heap, and weighs all frames of its roots. After a failure it is to be closed, too. */
int frame_weights_open(struct frame_weights *ret_weights, const struct query *query);
void frame_weights_close(struct frame_weights *weights);

/* Bytes reached from all of these objects together; from one of them, remembered. Policy `data`. */
int frame_weights_deep(struct frame_weights *weights, const uint64_t *objects, size_t count, uint64_t *ret_deep);
/* The same of the locals of a frame of a recursion, callers before callees; unless it is not known so (*ret_known), at
 * the cost of what the caller's do not reach. */
int frame_weights_deep_onward(struct frame_weights *weights, const uint64_t *objects, size_t count, uint64_t *ret_deep,
                              bool *ret_known);
int frame_weights_deep_of(struct frame_weights *weights, uint64_t object, uint64_t *ret_deep);

#endif
