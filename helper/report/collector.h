/* SPDX-License-Identifier: MIT
 * collector: how the garbage collector of the main interpreter is set and what it did, for `info`. */
#ifndef PYDS_REPORT_COLLECTOR_H
#define PYDS_REPORT_COLLECTOR_H

#include "report/report.h"

void collector_show(struct report *report);
void collector_json(struct report *report); /* the key "collector" of the open object */

#endif
