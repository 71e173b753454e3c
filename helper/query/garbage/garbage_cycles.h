/* SPDX-License-Identifier: MIT
 * garbage_cycles: what holds garbage together: of each cycle that no other garbage refers to, a shortest one, cycles of
 * the same types and labels in one row, with what goes when they go. */
#ifndef PYDS_QUERY_GARBAGE_CYCLES_H
#define PYDS_QUERY_GARBAGE_CYCLES_H

#include "query/garbage/garbage.h"

/* Appends to answer->cycles, unsorted. Takes the garbage's edges. */
int garbage_cycles(const struct query *query, const struct heap_graph *graph, struct garbage *garbage,
                   struct garbage_answer *answer);
void garbage_cycle_row_clear(struct garbage_cycle_row *row);

#endif
