/* SPDX-License-Identifier: MIT
 * memory_rows: what --arenas, --pools, --regions and --stacks of `memory` show, one row each. */
#ifndef PYDS_REPORT_MEMORY_ROWS_H
#define PYDS_REPORT_MEMORY_ROWS_H

#include "query/memory/memory.h"
#include "report/report.h"

int memory_rows_show(struct report *report, const struct memory_answer *answer);
void memory_rows_json(struct report *report, const struct memory_answer *answer);

#endif
