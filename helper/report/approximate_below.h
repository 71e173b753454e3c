/* SPDX-License-Identifier: MIT
 * approximate_below: what stands beside a retained size in which there are objects with approximate references. */
#ifndef PYDS_REPORT_APPROXIMATE_BELOW_H
#define PYDS_REPORT_APPROXIMATE_BELOW_H

#include "query/approximate_below.h"
#include "report/report.h"

/* A line "approx.", where there are any. */
void approximate_below_line(struct report *report, const struct approximate_below *below);
/* Key "retained_approximate" of the open object. */
void approximate_below_json(struct json *json, const struct approximate_below *below);

#endif
