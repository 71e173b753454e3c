/* SPDX-License-Identifier: MIT
 * referents: how the references of one object are shown; for the commands `referents` and `object`. */
#ifndef PYDS_REPORT_REFERENTS_H
#define PYDS_REPORT_REFERENTS_H

#include "query/referents.h"
#include "report/report.h"

/* What the request asks of target `index`. */
struct referents_question referents_asked(const struct report *report, size_t index);
/* The rows, and how many more there are. */
int referents_table(struct report *report, const struct referents_answer *answer);
/* "referents": [...] into the open object. */
void referents_json(struct json *json, const struct referents_answer *answer);

#endif
