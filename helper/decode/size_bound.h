/* SPDX-License-Identifier: MIT
 * size_bound: whether what was decoded fits into the memory that the allocators gave out for it. One damaged word makes
 * a list of two items one of 2048 PiB; the pool or the chunk that has it knows better. */
#ifndef PYDS_DECODE_SIZE_BOUND_H
#define PYDS_DECODE_SIZE_BOUND_H

#include "decode/emit.h"

/* Looks at the object that was just decoded, if it or a block of it is large (LARGE_BYTES): small ones cannot claim
 * much, and are most of a heap. Where the allocator contradicts, flags the object and leaves what it owns out of its
 * size. */
void size_bound_check(struct decoder *decoder);

/* Whether that was so of what was decoded. */
bool size_bound_has_refuted(const struct decoded *decoded);

static inline bool size_bound_is_due(const struct decoder *decoder)
{
	return decoder->large_count > 0 || decoder->out.body > LARGE_BYTES;
}

#endif
