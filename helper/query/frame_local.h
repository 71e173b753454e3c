/* SPDX-License-Identifier: MIT
 * frame_local: which local variable of a thread's frames an object is, where the thread has it by its frames and none
 * of these alone. Asked for one object after another: of a recursion there are as many as frames. */
#ifndef PYDS_QUERY_FRAME_LOCAL_H
#define PYDS_QUERY_FRAME_LOCAL_H

#include "graph/holder_runs.h"
#include "target/retained.h"

struct frame_locals {
	const struct retained *heap;
	struct holder_runs runs; /* of the frame that was looked at last */
};

struct frame_local {
	uint64_t code;
	uint64_t slot;
};

void frame_locals_open(struct frame_locals *locals, const struct retained *heap, struct decoder *decoder);
/* Of a number of the dominator tree: the innermost frame, as a holder, that refers to it, if what dominates it is a
 * thread or a frame; UINT32_MAX: that is not so. Its memory is on the way then. */
uint32_t frame_locals_frame(const struct frame_locals *locals, uint32_t number);
/* Which local of such a frame the number's object is; false: it is none. */
bool frame_locals_of(struct frame_locals *locals, uint32_t frame, uint64_t object, struct frame_local *ret_local);
/* Both at once. */
bool frame_locals_find(struct frame_locals *locals, uint32_t number, uint64_t object, struct frame_local *ret_local);
bool frame_locals_is_frame(const struct frame_locals *locals, uint32_t holder);
/* Of a holder that is a frame; 0: it is none. */
uint64_t frame_locals_code(const struct frame_locals *locals, uint32_t holder);

#endif
