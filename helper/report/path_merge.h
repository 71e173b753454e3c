/* SPDX-License-Identifier: MIT
 * path_merge: how merged paths are shown: `path --merge TYPE`. */
#ifndef PYDS_REPORT_PATH_MERGE_H
#define PYDS_REPORT_PATH_MERGE_H

#include "report/report.h"

int path_merge_report(struct report *report);

#endif
