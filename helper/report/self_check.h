/* SPDX-License-Identifier: MIT
 * self_check: what the allocators of the target say of the sizes that were decoded, as a part of `info`. */
#ifndef PYDS_REPORT_SELF_CHECK_H
#define PYDS_REPORT_SELF_CHECK_H

#include "query/memory/memory_check.h"
#include "graph/size_check.h"
#include "report/report.h"

/* sums: of a complete check. */
void self_check_show(struct report *report, const struct size_check *check, const struct memory_check *sums);
/* "self_check": {...} of the open object. */
void self_check_json(struct report *report, const struct size_check *check, const struct memory_check *sums);

#endif
