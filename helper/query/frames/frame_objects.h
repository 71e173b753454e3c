/* SPDX-License-Identifier: MIT
 * frame_objects: which objects the code of a frame can get at: its locals, attributes of locals that it names, globals
 * that it names. */
#ifndef PYDS_QUERY_FRAME_OBJECTS_H
#define PYDS_QUERY_FRAME_OBJECTS_H

#include "base/array.h"
#include "decode/decoder.h"

typedef ARRAY(uint64_t) object_array;

/* Whether the code names a function that takes what a lock is: acquire(), flock(), lockf(). */
bool code_takes_locks(struct decoder *decoder, uint64_t code);
/* Appends them, one that it knows by several names several times. False: out of memory. */
bool frame_objects_find(struct decoder *decoder, const struct python_frame *frame, object_array *objects);

#endif
