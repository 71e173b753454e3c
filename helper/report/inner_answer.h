/* SPDX-License-Identifier: MIT
 * inner_answer: the answer of one command within the file of another: a page, a ticket. */
#ifndef PYDS_REPORT_INNER_ANSWER_H
#define PYDS_REPORT_INNER_ANSWER_H

#include "report/report.h"

enum { INNER_ARGUMENTS = 32 };

/* Appends what the command that arguments name says to text, as for a terminal of `width` columns that has no colours.
 * report: of the command that asks, whose target and --values it is asked with. A failure is in error, not in
 * report->error. */
int inner_answer(const struct report *report, const char *const *arguments, uint32_t count, uint32_t width,
                 struct text *text, struct error *error);

#endif
