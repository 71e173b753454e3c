/* SPDX-License-Identifier: MIT
 * naming: what a person would call an object: "app.cache.SESSIONS", "local 'rows' of render() report.py:88",
 * "key of app.cache.SESSIONS", "attribute .user of app.models.Session". From the shortest chain of references that
 * leads to it from a module, a running frame or a class. Numbers are those of the heap's dominator tree. */
#ifndef PYDS_REPORT_NAMING_H
#define PYDS_REPORT_NAMING_H

#include "report/heap.h"

struct naming;

/* For the time of one command: heap is from report_heap(). Uses report->naming to decode, so report->decoder->out
 * stays. */
int naming_open(struct naming **ret_naming, struct report *report, const struct retained *heap);
void naming_close(struct naming *naming); /* NULL is fine */

/* Appends the name; false, and nothing appended, if neither a named thing nor any object leads to it. */
bool naming_number(struct naming *naming, uint32_t number, struct text *text);
/* The same by address. */
bool naming_object(struct naming *naming, uint64_t object, struct text *text);
/* Appends what a holder is called: "interpreter 0", "thread 4246", "render() report.py:88", "static memory", "held from
 * C". */
void naming_holder(struct naming *naming, uint32_t holder, struct text *text);
/* Appends the label of the first reference of `from` to `to`: "['key']", ".attr", "local x"; "" from a holder without
 * labels. False, and nothing appended, if there is none. */
bool naming_edge(struct naming *naming, uint32_t from, uint32_t to, struct text *text);
/* The type of the object with this number; NULL of a holder. */
const struct type_info *naming_type(struct naming *naming, uint32_t number);

#endif
