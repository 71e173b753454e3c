/* SPDX-License-Identifier: MIT
 * garbage: what no root reaches: by type, by age, by the cycles that hold it together, and whether the collector would
 * free it; and how the collector is set. */
#ifndef PYDS_QUERY_GARBAGE_H
#define PYDS_QUERY_GARBAGE_H

#include "base/array.h"
#include "graph/heap/garbage.h"
#include "query/memory/native_beside.h"
#include "query/query.h"
#include "query/type_filter.h"
#include "runtime/collector.h"

enum { GARBAGE_CYCLE_STEPS = 12, GARBAGE_UNTRACKED_AGE = GC_GENERATIONS };

struct garbage_question {
	struct type_filter filter; /* of the rows by type */
	uint64_t min_bytes; /* of a row */
	uint64_t limit; /* rows of either table; UINT64_MAX: all */
};

struct garbage_sum {
	uint64_t count, bytes;
	uint64_t native; /* bytes of C code that hang on them, where native.is_known */
};

struct garbage_type_row {
	const struct type_info *type;
	enum garbage_kind kind;
	struct garbage_sum sum;
};

/* One reference of a cycle, to the object of the next step, the last one's to the first. */
struct garbage_step {
	uint64_t address;
	const struct type_info *type; /* NULL: none can be read */
	struct text label; /* ".me"; escaped */
	bool is_unseen; /* the collector does not visit it */
};

/* Cycles of the same types and labels; of all else that is garbage, what hangs on them alone. */
struct garbage_cycle_row {
	enum garbage_kind kind;
	uint64_t cycles; /* how many hold together what no other garbage refers to */
	struct garbage_sum sum; /* what goes with them, by the dominators of the garbage */
	struct garbage_step steps[GARBAGE_CYCLE_STEPS]; /* of one of them, a shortest one */
	uint32_t
	        step_count; /* 0: of no cycle: an object whose references were not found, or held by several of these */
	uint32_t length; /* more than step_count: steps is its beginning */
};

struct garbage_answer {
	struct garbage_sum kinds[GARBAGE_STUCK + 1];
	struct garbage_sum ages[GC_GENERATIONS + 1]; /* generations 0 to 2, permanent, not tracked */
	uint64_t heap_bytes; /* of all objects that are reachable */
	struct native_beside native;
	uint64_t frozen, finalizers, finalized; /* objects: frozen; of types with one; whose one has run */
	ARRAY(struct garbage_type_row) types;
	uint64_t types_matching;
	ARRAY(struct garbage_cycle_row) cycles;
	uint64_t cycles_matching;
	ARRAY(struct collector) collectors; /* one for each interpreter; up to 3.8 they share it */
	struct coverage coverage;
};

/* Bytes of C code that hang on one of the garbage; 0 where they are not known. */
static inline uint64_t garbage_native(const struct garbage_answer *answer, const struct heap_graph *graph,
                                      uint32_t node)
{
	return answer->native.garbage > 0 ? heap_graph_bytes(graph, node, SIZE_NATIVE) : 0;
}

/* What rows are sorted by, and must have at least. */
static inline uint64_t garbage_weight(const struct garbage_sum *sum)
{
	return sum->bytes + sum->native;
}

int query_garbage(const struct query *query, const struct garbage_question *question,
                  struct garbage_answer *ret_answer);
void garbage_answer_clear(struct garbage_answer *answer);

#endif
