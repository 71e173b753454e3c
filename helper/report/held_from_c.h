/* SPDX-License-Identifier: MIT
 * held_from_c: what `heap --held-from-c` and `referrers --from-c` show. */
#ifndef PYDS_REPORT_HELD_FROM_C_H
#define PYDS_REPORT_HELD_FROM_C_H

#include "report/report.h"

int held_from_c_report(struct report *report);

#endif
