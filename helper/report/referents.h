/* SPDX-License-Identifier: MIT
 * referents: the references of one object as rows; for the commands `referents` and `object`. */
#ifndef PYDS_REPORT_REFERENTS_H
#define PYDS_REPORT_REFERENTS_H

#include "report/report.h"

struct referent {
	uint64_t address;
	const struct type_info *type; /* NULL: not an object */
	uint64_t shallow;
	uint64_t slot; /* in its run */
	uint32_t run; /* index in report->decoder->out.runs */
	bool hidden;
};

struct referents {
	ARRAY(struct referent) rows; /* sorted and filtered as the request says */
	uint64_t total, hidden; /* references, also those without a row */
	uint64_t matching; /* those that passed the filters */
	uint64_t bad; /* rows whose address is no object */
};

/* Of the object in report->decoder->out, which stays. On ERROR_CANCELLED and the like *referents is valid too. */
int referents_gather(struct report *report, struct referents *referents);
void referents_clear(struct referents *referents);
/* The first request->limit rows, and how many more there are. */
int referents_table(struct report *report, const struct referents *referents);
/* "referents": [...] into the open object. */
void referents_json(struct report *report, const struct referents *referents);

#endif
