/* SPDX-License-Identifier: MIT
 * garbage_cycles: what holds garbage together: of each cycle that no other garbage refers to, a shortest one, cycles of
 * the same types and labels in one row, with what goes when they go. */
#ifndef PYDS_QUERY_GARBAGE_CYCLES_H
#define PYDS_QUERY_GARBAGE_CYCLES_H

#include "query/garbage/garbage.h"

/* Appends to answer->cycles, unsorted. Takes the garbage's edges. native: bytes of C code of each, by place. */
int garbage_cycles(const struct query *query, const struct heap_graph *graph, struct garbage *garbage,
                   const struct byte_counts *native, struct garbage_answer *answer);
/* 0 where they are not open. */
static inline uint64_t garbage_native(const struct byte_counts *native, uint32_t place)
{
	return byte_counts_are_open(native) ? byte_counts_at(native, place) : 0;
}

void garbage_cycle_row_clear(struct garbage_cycle_row *row);

#endif
