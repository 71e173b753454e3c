/* SPDX-License-Identifier: MIT
 * allocated_at: the line that asked for the memory of one object, where tracemalloc was on. */
#ifndef PYDS_REPORT_ALLOCATED_AT_H
#define PYDS_REPORT_ALLOCATED_AT_H

#include "decode/allocated.h"
#include "report/report.h"

/* "  allocated at app.py:88 (from main.py:3)"; nothing where it is not traced. own: of the object. */
void allocated_at_line(struct report *report, const struct allocation *own);
/* "allocated_at": [{"file", "line"}...], most recent frame first; null where it is not traced. */
void allocated_at_json(struct report *report, const struct allocation *own);

#endif
