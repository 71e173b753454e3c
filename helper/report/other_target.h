/* SPDX-License-Identifier: MIT
 * other_target: a second target, that a command compares the one at hand with. */
#ifndef PYDS_REPORT_OTHER_TARGET_H
#define PYDS_REPORT_OTHER_TARGET_H

#include "report/report.h"

/* word: a core file or the number of a process, as it was typed; of several others the index-th, from 0. --exe and
 * --sysroot are for all others where they were given once, else for one after the other, "none" for none. The caller
 * closes *ret_target. */
int other_target_open(struct report *report, const char *word, uint32_t index, struct target **ret_target);
/* ERROR_ARGUMENT where they were given for more others than there are. */
int other_target_check(const struct request *request, uint32_t others, struct error *error);

#endif
