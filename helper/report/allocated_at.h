/* SPDX-License-Identifier: MIT
 * allocated_at: how it is shown where an object was allocated. */
#ifndef PYDS_REPORT_ALLOCATED_AT_H
#define PYDS_REPORT_ALLOCATED_AT_H

#include "query/tracemalloc/allocated_at.h"
#include "report/report.h"

/* "  allocated at app/models.py:88 (from app/views.py:12)"; nothing where it is not traced. */
void allocated_at_line(struct report *report, const struct allocated_at *at);
/* "allocated_at": [{"file", "line"}...], most recent frame first; null where it is not traced. */
void allocated_at_json(struct report *report, const struct allocated_at *at);

#endif
