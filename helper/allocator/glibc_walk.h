/* SPDX-License-Identifier: MIT
 * glibc_walk: every chunk of glibc's heaps, and what mallinfo2() would say of them. A walk is confirmed if each heap's
 * chunks end exactly where they must, the free ones are those in the bins, and all sums equal what malloc counted
 * itself; otherwise `refusal` says what did not fit, and no number of it is to be shown as fact. */
#ifndef PYDS_ALLOCATOR_GLIBC_WALK_H
#define PYDS_ALLOCATOR_GLIBC_WALK_H

#include "allocator/glibc_use.h"
#include "base/progress.h"

/* Goes through the heaps of arenas. Chunks that are mapped alone are found by glibc_walk_mapped(), which needs to know
 * what else is mapped. */
int glibc_walk_heaps(struct glibc_walk *walk, const struct glibc *glibc, const struct address_space *space,
                     struct progress *progress, struct error *error);
/* Chunks of their own pages in [start, end), a present piece of anonymous memory that nobody else owns. */
int glibc_walk_mapped(struct glibc_walk *walk, struct reader *reader, uint64_t start, uint64_t end,
                      const struct progress *progress, struct error *error);
/* After all pieces were looked at: holds count and sum against malloc's own. */
void glibc_walk_check_mapped(struct glibc_walk *walk);
void glibc_walk_clear(struct glibc_walk *walk);

#endif
