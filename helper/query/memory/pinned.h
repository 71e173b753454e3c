/* SPDX-License-Identifier: MIT
 * pinned: arenas of pymalloc that a few objects keep: an arena goes back to the system only when its last block is
 * free. */
#ifndef PYDS_QUERY_PINNED_H
#define PYDS_QUERY_PINNED_H

#include "query/memory/memory.h"

/* Counts the sparse arenas, and which types' objects lie in them. */
int pinned_find(const struct query *query, uint64_t limit, struct memory_answer *answer);

#endif
