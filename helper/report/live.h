/* SPDX-License-Identifier: MIT
 * live: what is said of a live target in every answer: how long it was stopped for us, and what was copied. */
#ifndef PYDS_REPORT_LIVE_H
#define PYDS_REPORT_LIVE_H

#include "report/report.h"

/* "process 4242 was stopped for 41 ms, 2.0 GiB copied; the analysis uses the copy": a line at the foot. Nothing where
 * we stopped nothing. */
void live_line(struct report *report);
/* "Child processes of 4242: 4250, 4251": of a live process that has any; who hangs may be one of them. */
void live_children(struct report *report);
/* Has "live": {"stopped_ms", "copied_bytes", "mode"} added at the end of the document that was just begun, if the
 * target is a live one. */
void live_json(struct report *report);

#endif
