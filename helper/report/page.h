/* SPDX-License-Identifier: MIT
 * page: a report as one HTML file to attach to a ticket: the JSON answers of the commands, a picture of the dominator
 * tree, and the script that draws them. It loads nothing and sends nothing. */
#ifndef PYDS_REPORT_PAGE_H
#define PYDS_REPORT_PAGE_H

#include "export/export.h"
#include "report/report.h"

/* Writes the page to options->path. other: NULL, or a later target, a core file or the number of a process: the page is
 * then of that one, with what grew since the report's. *ret_bytes: of the file. */
int page_write(struct report *report, const char *other, const struct export_options *options, uint64_t *ret_bytes);

#endif
