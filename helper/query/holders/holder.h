/* SPDX-License-Identifier: MIT
 * holder: what the nodes of a heap are called that are no objects (graph/roots.h). */
#ifndef PYDS_QUERY_HOLDER_H
#define PYDS_QUERY_HOLDER_H

#include "query/reference.h"

/* "interpreter", "thread", "frame", "runtime", "c". */
const char *holder_kind_name(enum holder_kind kind);
/* Appends "interpreter 0", "thread 4246", "render() report.py:88", "static memory", "held from C". index: in the roots.
 */
void holder_say(const struct references *references, uint32_t index, struct text *text);

#endif
