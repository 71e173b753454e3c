/* SPDX-License-Identifier: MIT
 * info: which Python, which build, where every layout came from, what the dump lacks, how the collector is set, and
 * whether decoded sizes are what the allocators wrote down. */
#ifndef PYDS_QUERY_INFO_H
#define PYDS_QUERY_INFO_H

#include "graph/size_check.h"
#include "query/memory/memory_check.h"
#include "query/query.h"
#include "runtime/collector.h"

struct info_question {
	bool checks_all; /* sizes of all objects, not of a sample: needs the graph of the whole heap */
};

/* Structs whose layout came from one source. */
struct info_source {
	uint64_t count;
	enum layout_struct first;
};

struct info_answer {
	/* The target's: versions, threads, checks, warnings; memory and what of it is absent. Borrowed. */
	const struct runtime *runtime;
	const struct address_space *space;
	struct info_source sources[LAYOUT_SOURCE_INFERRED + 1]; /* by enum layout_source */
	bool has_collector; /* of the main interpreter; it could be read */
	struct collector collector;
	struct collector_history history;
	struct size_check check;
	struct memory_check sums; /* with checks_all */
	bool is_truncated; /* the core is cut off */
	struct coverage coverage; /* of the graph, with checks_all; else of nothing */
};

int query_info(const struct query *query, const struct info_question *question, struct info_answer *ret_answer);
void info_answer_clear(struct info_answer *answer);

#endif
