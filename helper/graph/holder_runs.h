/* SPDX-License-Identifier: MIT
 * holder_runs: what the holders of graph/roots.h refer to, run after run. Those of a frame are not kept but made from
 * the frame when their turn comes: there may be a million frames. */
#ifndef PYDS_GRAPH_HOLDER_RUNS_H
#define PYDS_GRAPH_HOLDER_RUNS_H

#include "graph/roots.h"

enum { FRAME_RUNS = 7 }; /* evaluation stack, locals, and the fields of a frame that are references */

struct holder_runs {
	const struct roots *roots;
	struct decoder *decoder; /* borrowed: its memory is read, nothing is decoded with it */
	uint32_t holder; /* whose the last run is */
	uint32_t upcoming, end; /* holders whose turn comes */
	const struct holder_stretch *stretch; /* of the last one whose turn came */
	size_t kept; /* the next of roots->runs */
	uint32_t made, made_count; /* the next of frame, and how many these are */
	struct run frame[FRAME_RUNS];
	/* The runs of the frame made last, empty ones too, with offsets into the frame for addresses: in a recursion
	 * the next one has the same. */
	const struct python_frame *alike; /* its form; NULL: there are none */
	uint64_t alike_bytes; /* of the frame, from its address on */
	int32_t alike_depth;
	uint32_t alike_count;
	struct run alike_runs[FRAME_RUNS];
};

/* Of all holders, in their order; of one. */
void holder_runs_open(struct holder_runs *ret_runs, const struct roots *roots, struct decoder *decoder);
void holder_runs_open_one(struct holder_runs *ret_runs, const struct roots *roots, struct decoder *decoder,
                          uint32_t holder);
/* Whether the first reference of a frame to an object is a local, of which code and in which slot. After
 * holder_runs_open_one(): frame after frame costs less than to open each. */
bool holder_runs_find_local(struct holder_runs *runs, uint32_t frame, uint64_t object, uint64_t *ret_code,
                            uint64_t *ret_slot);
/* Valid until the next call; NULL: no more. */
const struct run *holder_runs_next(struct holder_runs *runs);

/* enum run_flag of locals and evaluation stack of a frame on a thread's stack. An argument may be borrowed from the
 * caller's frame. In a free-threaded build the same tag says that a reference is not counted but is one. */
static inline uint16_t holder_runs_slot_flags(const struct layout *layout)
{
	if (!layout_feature(layout, FEATURE_TAGGED_STACK_REFS))
		return 0;
	return (uint16_t)(RUN_TAGGED | (layout_feature(layout, FEATURE_FREE_THREADED) ? 0 : RUN_BORROWS));
}

#endif
