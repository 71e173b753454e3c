/* SPDX-License-Identifier: MIT
 * debug_guards: what PYTHONMALLOC=debug and debug builds put around a block (_PyMem_DebugRawAlloc, Objects/obmalloc.c):
 * its size, big-endian, a letter for its domain and seven bytes before it, eight bytes behind. */
#ifndef PYDS_ALLOCATOR_DEBUG_GUARDS_H
#define PYDS_ALLOCATOR_DEBUG_GUARDS_H

#include <stdbool.h>
#include <stdint.h>

#include "memory/address_space.h"

enum {
	DEBUG_GUARDS_BEFORE = 16,
	DEBUG_GUARDS_BYTES = 24, /* in all */
	DEBUG_GUARDS_LAYERS = 2, /* pymalloc passes what is large on to malloc, whose domain has guards of its own */
};

/* Whether guards are around the block at address; *ret_bytes is what was asked for without them. */
bool debug_guards_at(struct reader *reader, uint64_t address, uint64_t *ret_bytes);

#endif
