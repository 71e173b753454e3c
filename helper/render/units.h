/* SPDX-License-Identifier: MIT
 * units: numbers as a person reads and types them: "29.3 MiB", "1,204,551", "--min 1.5GiB". */
#ifndef PYDS_REPORT_UNITS_H
#define PYDS_REPORT_UNITS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

/* Appends bytes with an IEC unit and one decimal ("29.3 MiB", "599 B"); exact: "30,758,320". */
void units_bytes(struct text *text, uint64_t bytes, bool exact);
/* Appends a number with thousands separators. */
void units_count(struct text *text, uint64_t count);
/* Appends "1 object" or "1,204 objects": noun in the singular, its plural made with an s. */
void units_noun(struct text *text, uint64_t count, const char *noun);
/* Appends part of whole in percent with one decimal ("36.0"); "0.0" of nothing. */
void units_percent(struct text *text, uint64_t part, uint64_t whole);
/* Reads "4096", "10M", "1.5GiB": K, M, G, T and KiB... are powers of 1024, kB, MB... of 1000. False: not a size. */
bool units_parse_bytes(const char *string, uint64_t *ret_bytes);

#endif
