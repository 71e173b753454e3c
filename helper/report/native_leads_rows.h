/* SPDX-License-Identifier: MIT
 * native_leads_rows: the blocks of C code that an object leads to, for the commands `referents` and `object`. */
#ifndef PYDS_REPORT_NATIVE_LEADS_ROWS_H
#define PYDS_REPORT_NATIVE_LEADS_ROWS_H

#include "query/memory/native_leads.h"
#include "report/report.h"

/* A line with their sum and a table; nothing where there is none. */
int native_leads_table(struct report *report, const struct native_leads_answer *answer);
/* Key "native_referents" of the open object. */
void native_leads_json(struct json *json, const struct native_leads_answer *answer);

#endif
