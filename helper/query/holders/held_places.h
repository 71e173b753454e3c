/* SPDX-License-Identifier: MIT
 * held_places: where the addresses of some objects stand in the memory of a target, references that are known left out:
 * native blocks, variables of C code, stacks. */
#ifndef PYDS_QUERY_HELD_PLACES_H
#define PYDS_QUERY_HELD_PLACES_H

#include "query/holders/held_from_c.h"

/* Fills places of each row. Reads all writable memory once. */
int held_places_find(const struct query *query, const struct retained *heap, struct held_answer *answer);

#endif
