/* SPDX-License-Identifier: MIT */
#ifndef PYDS_REPORT_PATH_MERGE_H
#define PYDS_REPORT_PATH_MERGE_H

#include "query/naming.h"
#include "query/origins.h"
#include "report/report.h"

/* `path --merge TYPE`: a shortest path to every object of the type, as one tree with counts. */
int path_merge(struct report *report, const struct retained *heap, struct naming *naming,
               const struct origins *origins);

#endif
