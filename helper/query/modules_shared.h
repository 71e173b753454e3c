/* SPDX-License-Identifier: MIT
 * modules_shared: what several modules hold together, so that none of them retains it alone. */
#ifndef PYDS_QUERY_MODULES_SHARED_H
#define PYDS_QUERY_MODULES_SHARED_H

#include "query/modules.h"

/* Of the modules in answer->rows, which must be all of them: appends to answer->shared, largest first, and sums what no
 * module holds. owner: by number of the dominator tree, index of a row or OWNER_NONE. */
int modules_share(const struct query *query, const struct retained *heap, const uint32_t *owner,
                  struct modules_answer *answer);
void modules_shared_clear(struct modules_shared_row *row);

#endif
