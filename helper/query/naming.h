/* SPDX-License-Identifier: MIT
 * naming: what a person would call an object: "app.cache.SESSIONS", "local 'rows' of render() report.py:88",
 * "key of app.cache.SESSIONS", "attribute .user of app.models.Session". From the shortest chain of references that
 * leads to it from a module, a running frame or a class. Numbers are those of the heap's dominator tree. */
#ifndef PYDS_QUERY_NAMING_H
#define PYDS_QUERY_NAMING_H

#include "query/reference.h"

struct naming;

/* Uses the target's `naming` decoder. heap: of query_heap(), which must stay as it is till naming_close(). */
int naming_open(struct naming **ret_naming, const struct query *query, const struct retained *heap);
void naming_close(struct naming *naming); /* NULL is fine */

/* Appends the name; false, and nothing appended, if neither a named thing nor any object leads to it. */
bool naming_number(struct naming *naming, uint32_t number, struct text *text);
/* The same by address. */
bool naming_object(struct naming *naming, uint64_t object, struct text *text);
/* From now on what several frames and a global lead to is called by the global, even if the way from it is some steps
 * longer: a lock is a local of whoever waits for it, and its name is where the program keeps it. */
void naming_prefer_globals(struct naming *naming, bool prefers);
/* What the names are made with; borrowed. */
const struct references *naming_references(const struct naming *naming);

#endif
