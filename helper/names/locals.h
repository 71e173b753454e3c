/* SPDX-License-Identifier: MIT
 * locals: fast locals, cells and free variables of a frame: which name a slot has, and what is in it. */
#ifndef PYDS_NAMES_LOCALS_H
#define PYDS_NAMES_LOCALS_H

#include "decode/decoder.h"
#include "object/value.h"

/* The str that names localsplus slot `index` of a code object; 0: it does not say. */
uint64_t local_name(struct decoder *decoder, uint64_t code, uint64_t index);
/* What slot `index` of a frame holds, cells opened; 0: not set, or unreadable. */
uint64_t local_value(struct decoder *decoder, const struct python_frame *frame, uint64_t index);
/* The names of a class body (or of code run by exec() with locals of its own) are in a dict that only its frame has,
 * not in slots. False: the frame has no such dict; a module's locals are its globals, and a function's dict is a stale
 * copy of its slots. */
bool local_namespace(struct decoder *decoder, const struct python_frame *frame, struct dict_cursor *ret_cursor);

#endif
