/* SPDX-License-Identifier: MIT
 * markdown: answers of commands as Markdown, to paste into a ticket. */
#ifndef PYDS_REPORT_MARKDOWN_H
#define PYDS_REPORT_MARKDOWN_H

#include "export/export.h"
#include "report/report.h"

/* Writes options->path: the answers of `commands`, each as one would type it ("deepsize app.cache -t"), or a summary
 * where there is none. *ret_bytes: of the file. ERROR_ARGUMENT: one of them is no command; nothing is written. */
int markdown_write(struct report *report, const char *const *commands, size_t count,
                   const struct export_options *options, uint64_t *ret_bytes);

#endif
