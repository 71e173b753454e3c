/* SPDX-License-Identifier: MIT
 * locals: fast locals, cells and free variables of a frame: which name a slot has, and what is in it. */
#ifndef PYDS_NAMES_LOCALS_H
#define PYDS_NAMES_LOCALS_H

#include "decode/decoder.h"

/* The str that names localsplus slot `index` of a code object; 0: it does not say. */
uint64_t local_name(struct decoder *decoder, uint64_t code, uint64_t index);
/* What slot `index` of a frame holds, cells opened; 0: not set, or unreadable. */
uint64_t local_value(struct decoder *decoder, const struct python_frame *frame, uint64_t index);

#endif
