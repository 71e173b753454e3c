/* SPDX-License-Identifier: MIT
 * losses: what was lost of a target before anybody looked at it: a compressed file whose checksum fails, a core that is
 * cut off, a chain of threads that breaks. It stands under every answer that it may bear on, and the exit status says
 * that the answer is partial. */
#ifndef PYDS_REPORT_LOSSES_H
#define PYDS_REPORT_LOSSES_H

#include "report/report.h"

bool losses_are_there(const struct report *report);
/* Sentences under an answer in text. Nothing where nothing was lost. */
void losses_lines(struct report *report);
/* "losses": [sentences], in the open object. */
void losses_json(struct json *json, const struct report *report);

#endif
