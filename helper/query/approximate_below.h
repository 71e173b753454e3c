/* SPDX-License-Identifier: MIT
 * approximate_below: objects in what one retains whose references are approximate: of C types without a decoder, or
 * with one for another version. References that they have and that were not seen, or that they have not, make the
 * retained size too small or too large. */
#ifndef PYDS_QUERY_APPROXIMATE_BELOW_H
#define PYDS_QUERY_APPROXIMATE_BELOW_H

#include "query/query.h"

struct approximate_below {
	uint64_t count; /* such objects; 0: none */
	uint64_t bytes; /* their own, in the measure of the query: a part of what is retained */
};

/* number: of an object in the dominator tree of the heap; it is looked at itself, too. */
int query_approximate_below(const struct query *query, const struct retained *heap, uint32_t number,
                            struct approximate_below *ret_below);

#endif
