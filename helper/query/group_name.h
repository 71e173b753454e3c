/* SPDX-License-Identifier: MIT
 * group_name: what many objects have in common: the field that holds them, the function whose local they are. */
#ifndef PYDS_QUERY_GROUP_NAME_H
#define PYDS_QUERY_GROUP_NAME_H

#include "query/naming.h"

/* "app.ROWS[3]['tags']" becomes "app.ROWS[*][*]": one of many that are alike. */
void name_pattern(const char *name, struct text *text);

/* Appends what the names of these numbers of the dominator tree have in common: "app.ROWS[*]", "local 'rows' of work()
 * jobs.py:12", or only the last step, "*.tags"; "mostly" in front where it is not all of them. Looks at a few, evenly
 * taken. False, and nothing appended: half of them have nothing in common. */
bool group_name(struct naming *naming, const uint32_t *numbers, size_t count, struct text *text);

#endif
