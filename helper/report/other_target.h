/* SPDX-License-Identifier: MIT
 * other_target: a second target, that a command compares the one at hand with. */
#ifndef PYDS_REPORT_OTHER_TARGET_H
#define PYDS_REPORT_OTHER_TARGET_H

#include "report/report.h"

/* word: a core file or the number of a process, as it was typed. The caller closes *ret_target. */
int other_target_open(struct report *report, const char *word, struct target **ret_target);

#endif
