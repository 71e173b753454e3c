/* SPDX-License-Identifier: MIT
 * held_from_c: what `heap --held-from-c` and `referrers --from-c` show. */
#ifndef PYDS_REPORT_HELD_FROM_C_H
#define PYDS_REPORT_HELD_FROM_C_H

#include "query/holders/held_below.h"
#include "report/report.h"

int held_from_c_report(struct report *report);

/* Beside a retained size that is not whole: a line "from C", a key "held_from_c". */
void held_below_line(struct report *report, const struct held_below *below);
void held_below_json(struct json *json, const struct held_below *below);

#endif
