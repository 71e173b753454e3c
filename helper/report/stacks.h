/* SPDX-License-Identifier: MIT
 * stacks: the Python stacks alone, without the heap: `frames --no-retained`; and what `frames` shares with it. */
#ifndef PYDS_REPORT_STACKS_H
#define PYDS_REPORT_STACKS_H

#include "report/report.h"

int stacks_report(struct report *report);

/* Whether two frames stand at the same instruction of the same code: a recursion. */
bool frames_are_alike(const struct python_frame *left, const struct python_frame *right);
/* "... 399,990 more of f() x.py:14" if *count is not 0, which it becomes. */
void frames_folded(struct report *report, const struct python_frame *frame, uint64_t *count);
/* With --values a key "value" of the open object: what an object says. */
void stacks_json_value(struct report *report, uint64_t object);

#endif
