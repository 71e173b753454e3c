/* SPDX-License-Identifier: MIT
 * mention: an object as answers mention it beside their own rows: what leads to it, what it is, its address. Escaped.
 */
#ifndef PYDS_QUERY_MENTION_H
#define PYDS_QUERY_MENTION_H

#include "query/naming.h"

/* "app.jobs 0x7f...": the name that leads to it, else what it is. */
void mention_object(const struct query *query, struct naming *naming, uint64_t object, struct text *text);
/* "app.cache.SESSIONS  dict, 3 entries  0x7f...", by its number in the dominator tree. False, and nothing appended: it
 * is no object. */
bool mention_keeper(const struct query *query, struct naming *naming, uint32_t number, struct text *text);

#endif
