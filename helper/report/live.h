/* SPDX-License-Identifier: MIT
 * live: what is said of a live target in every answer: how long it was stopped for us, and what was copied. */
#ifndef PYDS_REPORT_LIVE_H
#define PYDS_REPORT_LIVE_H

#include "report/report.h"

/* "process 4242 was stopped for 41 ms, 2.0 GiB copied; the analysis uses the copy": a line at the foot. Nothing where
 * we stopped nothing. */
void live_line(struct report *report);
/* Has "live": {"stopped_ms", "copied_bytes", "mode"} added at the end of the document that was just begun, if the
 * target is a live one. */
void live_json(struct report *report);

#endif
