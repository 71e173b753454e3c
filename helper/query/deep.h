/* SPDX-License-Identifier: MIT
 * deep: what is reached from an object under a policy, what of it the object alone keeps alive, and what others do. */
#ifndef PYDS_QUERY_DEEP_H
#define PYDS_QUERY_DEEP_H

#include "query/approximate_below.h"
#include "query/holders/held_below.h"
#include "query/memory/native_beside.h"
#include "query/memory/objects_behind.h"
#include "query/query.h"

enum deep_order { DEEP_BY_BYTES, DEEP_BY_COUNT, DEEP_BY_TYPE }; /* as the sort keys of commands.def */

struct deep_question {
	uint64_t object;
	enum policy policy;
	bool with_retained; /* needs the graph of the whole heap */
	enum deep_order order; /* of types */
};

struct deep_answer {
	uint64_t address;
	const struct type_info *type;
	struct text description; /* names_describe() */
	uint64_t shallow;
	uint64_t allocated, own_native; /* where it is the query's measure; else 0 */
	struct walk_result reached; /* deep size, objects, types, coverage; a lower bound unless is_complete */
	bool is_complete; /* not interrupted */
	bool has_weight; /* retained and shared were asked for and found */
	bool is_held; /* a root leads to it: retained says something */
	uint64_t retained;
	struct approximate_below approximate; /* of retained */
	struct held_below from_c; /* what is not in retained since C code holds it too */
	struct native_beside native; /* of C code, of the whole heap, and in it what the object retains */
	uint64_t native_reached; /* of C code, hang on what is reached, `behind` included, or are shared with it; where
	                          * native is known */
	struct objects_behind behind; /* reached by memory of C code only, and so not in `reached` */
	uint32_t number; /* of the object in the dominator tree, where has_weight; UINT32_MAX: not is_held */
	bool has_shared; /* the policy counts in sys.getsizeof() */
	uint64_t shared; /* of the deep size: what stays when the object goes */
};

/* ERROR_NOT_FOUND: there is no object at this address; ERROR_CANCELLED leaves what was found till then. */
int query_deep(const struct query *query, const struct deep_question *question, struct deep_answer *ret_answer);
void deep_answer_clear(struct deep_answer *answer);

#endif
