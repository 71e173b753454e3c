/* SPDX-License-Identifier: MIT
 * histogram: every object of the process, counted by type, module, size or generation of the collector. */
#ifndef PYDS_QUERY_HISTOGRAM_H
#define PYDS_QUERY_HISTOGRAM_H

#include "base/array.h"
#include "query/memory/native_beside.h"
#include "query/query.h"
#include "query/type_filter.h"

enum grouping { GROUP_BY_TYPE, GROUP_BY_MODULE, GROUP_BY_SIZE, GROUP_BY_GENERATION, GROUP_BY_LINE };

/* As the sort keys of commands.def. */
enum histogram_order { HISTOGRAM_BY_BYTES, HISTOGRAM_BY_COUNT, HISTOGRAM_BY_NAME, HISTOGRAM_BY_RETAINED };

struct histogram_question {
	enum grouping by;
	enum histogram_order order;
	struct type_filter types; /* objects of other types are in no row */
	uint64_t min_bytes; /* only rows of at least as much, in the query's measure */
	bool with_retained; /* of each row as a whole */
	bool with_allocated; /* also where it is not the measure: a pass of its own over the heap */
};

/* Objects and their bytes. */
struct histogram_sum {
	uint64_t count, shallow, allocated; /* allocated: 0 unless it was asked for */
	uint64_t native; /* bytes of C code that hang on them, as far as that is known */
};

struct histogram_row {
	const struct type_info *type; /* GROUP_BY_TYPE; else NULL */
	struct text name; /* of the type, module or generation, escaped; "" of a size */
	uint64_t least, most; /* GROUP_BY_SIZE: bytes of an object; most UINT64_MAX: no limit */
	struct histogram_sum reached, unreachable; /* garbage is counted apart */
	uint64_t retained;
	uint32_t group; /* its number before sorting: sizes and generations in their order */
};

struct histogram_answer {
	ARRAY(struct histogram_row) rows; /* those that passed the filters and have objects, sorted */
	struct histogram_sum reached, unreachable; /* of all objects, filtered or not */
	enum size_measure measure; /* of the rows' order */
	uint64_t not_objects; /* addresses of the heap that are none after all */
	struct {
		uint64_t count; /* objects whose reference count exceeds the references found */
		uint64_t alone; /* bytes that nothing else keeps alive */
	} held_from_c;
	struct {
		uint64_t counted, accounted, overcounted; /* as in heap_graph.h */
	} references;
	struct native_beside native;
	uint64_t native_common; /* bytes of C code that hang on several objects, which have no object in common */
	struct coverage coverage;
};

static inline uint64_t histogram_bytes(const struct histogram_answer *answer, const struct histogram_sum *sum)
{
	return answer->measure == SIZE_ALLOCATED ? sum->allocated
	       : answer->measure == SIZE_NATIVE  ? sum->native
	                                         : sum->shallow;
}

int query_histogram(const struct query *query, const struct histogram_question *question,
                    struct histogram_answer *ret_answer);
void histogram_answer_clear(struct histogram_answer *answer);

#endif
