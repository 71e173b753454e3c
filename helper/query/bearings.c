/* SPDX-License-Identifier: MIT */
#include "query/bearings.h"

int bearings_open(struct bearings *ret_bearings, const struct query *query)
{
	*ret_bearings = (struct bearings){ .heap = NULL };
	TRY(query_heap(query, &ret_bearings->heap));
	TRY(naming_open(&ret_bearings->naming, query, ret_bearings->heap));
	return origins_open(&ret_bearings->origins, query, ret_bearings->heap);
}

void bearings_clear(struct bearings *bearings)
{
	origins_clear(&bearings->origins);
	naming_close(bearings->naming);
	bearings->naming = NULL;
}
