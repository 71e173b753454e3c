/* SPDX-License-Identifier: MIT
 * lock_at: how the owner and the waiters of a lock are shown in `object`. */
#ifndef PYDS_REPORT_LOCK_AT_H
#define PYDS_REPORT_LOCK_AT_H

#include "query/threads/lock_at.h"
#include "report/report.h"

/* Nothing of an object that is no lock. Lines of the head; a key "lock" of the open object. */
void lock_at_text(struct text *text, const struct lock_answer *answer);
void lock_at_json(struct json *json, const struct lock_answer *answer);

#endif
