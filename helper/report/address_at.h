/* SPDX-License-Identifier: MIT
 * address_at: what `object`, `path` and `referrers` show of an address that is no object's. */
#ifndef PYDS_REPORT_ADDRESS_AT_H
#define PYDS_REPORT_ADDRESS_AT_H

#include "query/address.h"
#include "report/report.h"

/* Of target `index`, which could be found and is no object. with_words: where its address stands. *ret_owner: the
 * object whose memory it is; 0: none. In JSON an item of "objects" that is left open: address_at_end() closes it. */
int address_at_show(struct report *report, size_t index, bool with_words, uint64_t *ret_owner);
void address_at_end(struct report *report);

#endif
