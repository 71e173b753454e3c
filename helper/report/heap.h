/* SPDX-License-Identifier: MIT
 * heap: the graph of the whole heap, as reports want it: built by the first command of a session that needs it, kept
 * for the next ones. */
#ifndef PYDS_REPORT_HEAP_H
#define PYDS_REPORT_HEAP_H

#include "target/retained.h"
#include "report/report.h"

/* The whole heap with retained sizes in the request's measure; borrowed from the target. Builds it if no command did
 * yet, which takes seconds for tens of millions of objects, shows progress and can be cancelled. */
int report_heap(struct report *report, const struct retained **ret_heap);

/* What an object keeps alive, beside its deep size. */
struct heap_weight {
	bool is_known; /* in the graph and reachable */
	bool has_shared; /* the policy counts in sys.getsizeof() */
	uint64_t retained;
	uint64_t shared; /* of the deep size: what stays when the object goes */
};
/* Right after walk_deep() from object with the session's walk, which found `deep` bytes. Builds the heap's graph; uses
 * report->decoder. */
int heap_weigh(struct report *report, uint64_t object, uint64_t deep, struct heap_weight *ret_weight);

#endif
