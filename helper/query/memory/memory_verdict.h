/* SPDX-License-Identifier: MIT
 * memory_verdict: what the numbers of query/memory/memory.h mean, in a sentence or two, with what to do next. From one
 * dump it is never said that something leaks: growth needs two. */
#ifndef PYDS_QUERY_MEMORY_VERDICT_H
#define PYDS_QUERY_MEMORY_VERDICT_H

#include "query/memory/memory.h"

int memory_verdicts_make(const struct query *query, struct memory_answer *answer);

#endif
