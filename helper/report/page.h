/* SPDX-License-Identifier: MIT
 * page: a report as one HTML file to attach to a ticket: the JSON answers of the commands, a picture of the dominator
 * tree, and the script that draws them. It loads nothing and sends nothing. */
#ifndef PYDS_REPORT_PAGE_H
#define PYDS_REPORT_PAGE_H

#include "export/export.h"
#include "report/report.h"

/* Writes the page to options->path. *ret_bytes: of the file. */
int page_write(struct report *report, struct tables *tables, const struct export_options *options, uint64_t *ret_bytes);

#endif
