/* SPDX-License-Identifier: MIT
 * traced_freed: which traced blocks a free list keeps for the next object of a type: tracemalloc counts them as in use,
 * and no object is there. Told by what dead objects look like, since where the lists begin is known of few versions. */
#ifndef PYDS_QUERY_TRACED_FREED_H
#define PYDS_QUERY_TRACED_FREED_H

#include "target/retained.h"
#include "query/tracemalloc/traced_lines.h"

/* Of traces, by traced_objects_index(), those without a bit in is_counted: adds to free_bytes and free_count of sums.
 */
int traced_freed_sum(const struct query *query, const struct retained *heap, const struct traced_lines_answer *lines,
                     const struct address_map *traces, uint8_t *is_counted, struct traced_row *sums);

#endif
