/* SPDX-License-Identifier: MIT
 * frame_objects: which objects the code of a frame can get at: its locals, attributes of locals that it names, globals
 * that it names; and the generator that the frame is of. */
#ifndef PYDS_QUERY_FRAME_OBJECTS_H
#define PYDS_QUERY_FRAME_OBJECTS_H

#include "base/array.h"
#include "decode/decoder.h"

typedef ARRAY(uint64_t) object_array;

/* Whether the code names a function that takes what a lock is: acquire(), flock(), lockf(). */
bool code_takes_locks(struct decoder *decoder, uint64_t code);
/* Appends them, one that it knows by several names several times. False: out of memory. */
bool frame_objects_find(struct decoder *decoder, const struct python_frame *frame, object_array *objects);

/* From 3.11 on: the generator or coroutine in whose memory the frame lies; 0: it lies on the thread's stack. */
static inline uint64_t frame_generator_around(const struct layout *layout, const struct python_frame *frame)
{
	return frame->owner == FRAME_OWNED_BY_GENERATOR && layout_has(layout, FIELD_PyGenObject_gi_iframe)
	               ? frame->address - layout_offset(layout, FIELD_PyGenObject_gi_iframe)
	               : 0;
}

/* The generator or coroutine that a frame is of, in every version; 0: it is a function's. */
uint64_t frame_generator(struct decoder *decoder, const struct python_frame *frame);

#endif
