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

#endif
