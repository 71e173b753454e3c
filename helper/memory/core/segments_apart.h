/* SPDX-License-Identifier: MIT
 * segments_apart: for tests. In a mapped core what follows a segment is the next one, or the rest of the file: a read
 * beyond what is there finds bytes, and no tool sees it. In builds with AddressSanitizer each segment becomes an
 * allocation of its own, with nothing around it. */
#ifndef PYDS_MEMORY_SEGMENTS_APART_H
#define PYDS_MEMORY_SEGMENTS_APART_H

#include "memory/space_source.h"

/* Copies the bytes of each segment of a core; they are freed when the space is closed. Cores above SEGMENTS_APART_MOST
 * bytes are left as they are. Called by address_space_open_core() where PYDS_SEGMENTS_APART is defined. */
int segments_apart_set(struct address_space *space, struct error *error);

#define SEGMENTS_APART_MOST (UINT64_C(1) << 30)

#endif
