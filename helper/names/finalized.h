/* SPDX-License-Identifier: MIT
 * finalized: whether an object that a call was given may be at its end, as the call is over and let go of it. */
#ifndef PYDS_NAMES_FINALIZED_H
#define PYDS_NAMES_FINALIZED_H

#include "decode/decoder.h"

/* Whether an object that the stack refers to may be one whose finalizer or whose weak references' callbacks run.
 * is_counted: the stack's word is one of its references, so that it goes with the call if there is no other. callee:
 * the Python frame in front of the one that the stack is of; NULL: none. */
bool finalized_maybe(struct decoder *decoder, uint64_t object, bool is_counted, const struct python_frame *callee);

/* Whether a Python function that runs with that argument may be called by an object's end, whatever called before. */
bool finalized_by(struct decoder *decoder, const struct python_frame *callee, uint64_t argument);

#endif
