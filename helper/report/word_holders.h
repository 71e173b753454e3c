/* SPDX-License-Identifier: MIT
 * word_holders: what `referrers` shows of an address that is no object. */
#ifndef PYDS_REPORT_WORD_HOLDERS_H
#define PYDS_REPORT_WORD_HOLDERS_H

#include "report/report.h"

/* Of target `index`; in JSON an item of "objects". context: unused, as struct report_targets wants it. */
int word_holders_show(struct report *report, size_t index, void *context);

#endif
