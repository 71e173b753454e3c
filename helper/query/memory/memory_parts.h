/* SPDX-License-Identifier: MIT
 * memory_parts: the tree of query/memory/memory.h, each owner with what it has in use and free. */
#ifndef PYDS_QUERY_MEMORY_PARTS_H
#define PYDS_QUERY_MEMORY_PARTS_H

#include "query/memory/memory.h"

int memory_parts_make(const struct query *query, const struct python_blocks *blocks, struct memory_answer *answer);

#endif
