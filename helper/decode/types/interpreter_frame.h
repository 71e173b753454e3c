/* SPDX-License-Identifier: MIT
 * interpreter_frame: _PyInterpreterFrame (3.11+) inside a frame object or a generator: how many slots its code asks
 * for, and what it refers to. Frames on a thread's data stack belong to no object; runtime/runtime.h lists them. */
#ifndef PYDS_DECODE_INTERPRETER_FRAME_H
#define PYDS_DECODE_INTERPRETER_FRAME_H

#include "decode/emit.h"

struct frame_slots {
	uint64_t named; /* fast locals, cells and free variables */
	uint64_t total; /* and the evaluation stack */
};

/* The address of the code object that an embedded frame runs; 0: none or unreadable. */
uint64_t interpreter_frame_code(struct decoder *decoder, uint64_t frame);

/* What code asks for. False, and the object is flagged, if it cannot be read or makes no sense. */
bool code_frame_slots(struct decoder *decoder, uint64_t code, struct frame_slots *ret_slots);

/* The references of a frame, as _PyFrame_Traverse visits them; with RUN_HIDDEN in flags none is visited. The evaluation
 * stack of an executing frame is not known; its locals are then hidden. */
void emit_interpreter_frame(struct decoder *decoder, uint64_t frame, uint64_t code, const struct frame_slots *slots,
                            uint32_t flags);

#endif
