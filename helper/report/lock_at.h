/* SPDX-License-Identifier: MIT
 * lock_at: of an object that threads wait for, who has it and who waits: what `threads` says, of one lock. */
#ifndef PYDS_REPORT_LOCK_AT_H
#define PYDS_REPORT_LOCK_AT_H

#include "report/report.h"

/* Nothing of an object that is no lock. Text: lines of the head; JSON: a key "lock" of the open object. */
int lock_at_show(struct report *report, uint64_t object);

#endif
