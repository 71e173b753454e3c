/* SPDX-License-Identifier: MIT
 * traced_objects: which traced blocks are objects of the heap, or memory that such an object owns, and which free lists
 * keep (traced_freed.h). The rest was taken by C code for itself. */
#ifndef PYDS_QUERY_TRACED_OBJECTS_H
#define PYDS_QUERY_TRACED_OBJECTS_H

#include "query/tracemalloc/traced_lines.h"

/* Adds to object_bytes of sums, one for each stack of lines, what objects have, to free_bytes what free lists. Builds
 * the graph of the heap. */
int traced_objects_sum(const struct query *query, const struct traced_lines_answer *lines, struct traced_row *sums);

/* address -> index of the trace, of all traces of domain 0, in which Python's own allocators are. */
int traced_objects_index(const struct traced_lines_answer *lines, struct address_map *ret_traces, struct error *error);

#endif
