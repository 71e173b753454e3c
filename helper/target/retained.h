/* SPDX-License-Identifier: MIT
 * retained: for every object of a heap graph, the bytes that would become unreachable if it went: its subtree of the
 * dominator tree. */
#ifndef PYDS_TARGET_RETAINED_H
#define PYDS_TARGET_RETAINED_H

#include "analysis/dominators.h"
#include "graph/heap/heap_graph.h"

struct retained {
	struct heap_graph *graph; /* its outgoing edges are gone: dominators.incoming has them turned round */
	struct dominators dominators;
	struct dominator_children children;
	enum size_measure measure; /* of bytes and total */
	bool is_summed; /* false: summing was interrupted, and what follows is not all of it */
	uint64_t *bytes; /* by number of the dominator tree */
	uint64_t total; /* bytes of all reached objects */
	uint32_t object_count; /* reached */
	uint32_t unreachable_count; /* objects that no root reaches */
	uint64_t unreachable_bytes; /* of them */
};

/* Takes the graph's edges. Measures shallow bytes. */
int retained_open(struct retained **ret_retained, struct heap_graph *graph, struct progress *progress,
                  struct error *error);
void retained_close(struct retained *retained); /* NULL is fine; the graph stays */

/* Sums everything in another measure from now on. After a failure it is as it was. */
int retained_set_measure(struct retained *retained, enum size_measure measure, struct progress *progress,
                         struct error *error);

/* The number of an object in the dominator tree; UINT32_MAX: not in the graph, or reached by nothing. */
uint32_t retained_number(const struct retained *retained, uint64_t object);
/* The same of a holder (graph/roots.h). */
uint32_t retained_holder_number(const struct retained *retained, uint32_t holder);
/* Bytes that only this object keeps alive; false: it is not in the graph, or unreachable. */
bool retained_of(const struct retained *retained, uint64_t object, uint64_t *ret_bytes);
/* What a number is: the address of an object, or 0 and the index of a holder. */
uint64_t retained_node(const struct retained *retained, uint32_t number, uint32_t *ret_holder);

/* Retained bytes of sets of objects: what would become unreachable if all members of the set went at once. group: by
 * number of the dominator tree, which set it belongs to, or GROUP_NONE. bytes[g] becomes the total of set g. */
int retained_groups(const struct retained *retained, const uint32_t *group, uint32_t group_count, uint64_t *bytes,
                    const struct progress *progress, struct error *error);

#endif
