/* SPDX-License-Identifier: MIT
 * builtin_call: which function of C a frame is inside a call of: what stands between it and a Python frame that this
 * function called, or what its thread waits in. */
#ifndef PYDS_NAMES_BUILTIN_CALL_H
#define PYDS_NAMES_BUILTIN_CALL_H

#include "base/text.h"
#include "decode/decoder.h"
#include "names/code_depths.h"

/* Appends "<built-in function sorted>", "<built-in method sort of list>", "<built-in class map>", as repr() of the
 * callable begins. The frame has left the interpreter's loop: by a call into C that called Python again, or as its
 * thread waits or gave the GIL away. The instruction must be a call; its callable must still be where the call took it
 * from, since the result takes its place (a signal handler may run between two instructions); and it must be what the
 * instruction before had loaded under a name. False, and nothing is appended: it is not known, or a function of Python,
 * or a class that may be one. callee: the Python frame in front of it; NULL: none. may_be_over: the thread may as well
 * be behind the call and about to begin the next instruction: it waits for the GIL, or a collection runs. kept: zeroed
 * at first, then of the code that was asked for last: equal stacks are gone through frame by frame. code_depths_clear()
 * in the end. */
bool builtin_call_say(struct decoder *decoder, const struct python_frame *frame, const struct python_frame *callee,
                      bool may_be_over, struct code_depths *kept, struct text *text);

#endif
