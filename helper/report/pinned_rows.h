/* SPDX-License-Identifier: MIT
 * pinned_rows: what keeps memory that is nearly empty, as `memory --arenas` shows it: for pymalloc's arenas and for
 * stretches of malloc's heaps, whose blocks they are. */
#ifndef PYDS_REPORT_PINNED_ROWS_H
#define PYDS_REPORT_PINNED_ROWS_H

#include "query/memory/pinned.h"
#include "report/report.h"

int pinned_rows_show(struct report *report, const struct pinned *pinned);
/* "pinned": whose blocks are in a place of this kind; null: nobody asked. */
void pinned_rows_json(struct report *report, const struct pinned *pinned, enum pinned_place place);
/* "sparse": the stretches of malloc's heaps with their sums; "stretches" null: nobody asked. */
void pinned_rows_json_heaps(struct report *report, const struct pinned *pinned);

#endif
