/* SPDX-License-Identifier: MIT
 * holder_runs: what the holders of graph/roots.h refer to, run after run. Those of a frame are not kept but made from
 * the frame when their turn comes: there may be a million frames. */
#ifndef PYDS_GRAPH_HOLDER_RUNS_H
#define PYDS_GRAPH_HOLDER_RUNS_H

#include "graph/roots.h"

enum {
	FRAME_RUNS = 7, /* evaluation stack, locals, and the fields of a frame that are references */
	FORMS_REMEMBERED = 8, /* a recursion has a few */
	FRAMES_TOGETHER = 1024, /* between two looks at cancel */
};

/* The runs of every frame of one form and one depth of stack: they differ in where they are. */
struct form_runs {
	const struct python_frame *form; /* NULL: there are none */
	int32_t stack_depth;
	uint64_t bytes; /* of a frame, from its address on: all runs lie in them */
	uint32_t own_count; /* the first of them: stack and locals. The others have the same words in each frame. */
	uint32_t common_count; /* of the others, those that are references */
	uint32_t count;
	struct run runs[FRAME_RUNS]; /* empty ones too; addresses are offsets into the frame, slots nothing */
};

/* Frames of one form and one depth of stack, one after the other, at equal distances in one piece of memory. */
struct alike_frames {
	const struct form_runs *form;
	const uint8_t *bytes; /* of the first, from its address on */
	int64_t distance; /* bytes from each to the next */
	uint32_t count; /* at least 1 */
};

struct holder_runs {
	const struct roots *roots;
	struct decoder *decoder; /* borrowed: its memory is read, nothing is decoded with it */
	uint32_t holder; /* whose the last run is */
	uint32_t upcoming, end; /* holders whose turn comes */
	const struct holder_stretch *stretch; /* of the last one whose turn came */
	size_t kept; /* the next of roots->runs */
	uint32_t made, made_count; /* the next of frame, and how many these are */
	struct run frame[FRAME_RUNS];
	struct form_runs forms[FORMS_REMEMBERED];
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
/* The next holders with all their runs, where these are frames like one that came before, at most FRAMES_TOGETHER; to
 * be asked first by who goes through a million of them. runs->holder is then the first of them. False: the next one is
 * another, and holder_runs_next() goes on. Valid until the next call. */
bool holder_runs_next_alike(struct holder_runs *runs, struct alike_frames *ret_alike);

/* Of frame i of them: where it begins in our memory. */
static inline const uint8_t *alike_bytes(const struct alike_frames *alike, uint32_t i)
{
	return alike->bytes + (int64_t)i * alike->distance;
}

/* One of them, in the frame whose bytes these are; it has no address of its own. */
static inline struct run form_run(const struct form_runs *form, uint32_t index, const uint8_t *bytes)
{
	struct run run = form->runs[index];
	run.slots = bytes + run.address;
	return run;
}

/* enum run_flag of locals and evaluation stack of a frame on a thread's stack. An argument may be borrowed from the
 * caller's frame. In a free-threaded build the same tag says that a reference is not counted but is one. */
static inline uint16_t holder_runs_slot_flags(const struct layout *layout)
{
	if (!layout_feature(layout, FEATURE_TAGGED_STACK_REFS))
		return 0;
	return (uint16_t)(RUN_TAGGED | (layout_feature(layout, FEATURE_FREE_THREADED) ? 0 : RUN_BORROWS));
}

#endif
