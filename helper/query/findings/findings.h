/* SPDX-License-Identifier: MIT
 * findings: what is wrong with this process, or wasted in it, worst first. A rule is one file of this folder and a line
 * in findings.def; it is silent below its threshold, and listed as checked. */
#ifndef PYDS_QUERY_FINDINGS_FINDINGS_H
#define PYDS_QUERY_FINDINGS_FINDINGS_H

#include "base/array.h"
#include "query/query.h"

enum finding_rule {
#define RULE(name, summary) FINDING_##name,
#include "query/findings/findings.def"
#undef RULE
	FINDING_COUNT
};

const char *finding_rule_name(enum finding_rule rule); /* "list_room" */
const char *finding_rule_summary(enum finding_rule rule);
/* -1: there is no such rule. */
int finding_rule_find(const char *name);

enum { FINDING_PLACES = 3 };

/* Where it is. A pattern where a name has [*]: many places that are alike. */
struct finding_place {
	char *name; /* escaped */
	uint64_t address; /* of one that is there */
	uint64_t bytes; /* about how much of the finding's */
	char *made_at; /* "/srv/app.py:12", where tracemalloc was on and knows it; escaped; NULL */
};

struct finding {
	enum finding_rule rule;
	uint64_t bytes; /* saved by what is advised, or held by what is found */
	uint64_t count; /* objects concerned */
	bool is_saving;
	bool is_estimate; /* bytes saved by the usual rounding, as whose allocator gives out memory here is not known;
	                     or what words in objects lead to is among them */
	bool is_urgent; /* not about bytes: comes first */
	struct text text; /* sentences: what it is, and what to do; escaped */
	const char *next; /* what to type: a command of report_next() for the first place; a literal */
	struct finding_place places[FINDING_PLACES]; /* largest first */
	uint32_t place_count;
};

struct findings_question {
	int only; /* enum finding_rule; -1: all */
};

struct findings_answer {
	ARRAY(struct finding)
	findings; /* largest first; of nearly the same size, what says why before what says where */
	bool is_checked[FINDING_COUNT];
	uint64_t heap_bytes, heap_count; /* of all that is reachable */
	uint64_t threshold; /* bytes: less is not said */
	struct coverage coverage;
};

int query_findings(const struct query *query, const struct findings_question *question,
                   struct findings_answer *ret_answer);
void findings_answer_clear(struct findings_answer *answer);

#endif
