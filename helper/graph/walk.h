/* SPDX-License-Identifier: MIT
 * walk: everything reached from some objects under a policy, each object once: the deep size. */
#ifndef PYDS_GRAPH_WALK_H
#define PYDS_GRAPH_WALK_H

#include "base/progress.h"
#include "decode/allocated.h"
#include "graph/coverage.h"

struct heap_graph;

enum policy { POLICY_DATA, POLICY_GC, POLICY_ALL, POLICY_CONTAINERS, POLICY_ASIZEOF, POLICY_COUNT };

const char *policy_name(enum policy policy);
/* -1 if there is no such policy. */
int policy_find(const char *name);

struct type_total {
	const struct type_info *type;
	uint64_t count;
	uint64_t shallow; /* bytes */
	uint64_t allocated, native; /* 0 unless the walk measures it */
	uint64_t bytes; /* one of them: in the walk's measure */
	uint64_t approximate; /* of count */
};

struct walk_result {
	uint64_t count; /* objects, the roots included */
	uint64_t bytes; /* the deep size, in the walk's measure */
	ARRAY(struct type_total) types; /* largest first */
	uint64_t not_entered; /* references to classes, modules and code that the policy left out */
	struct coverage coverage;
};

/* The visited set and stack of walks over one target; reused from walk to walk. */
struct walk;
int walk_open(struct walk **ret_walk, struct decoder *decoder, struct error *error);
void walk_close(struct walk *walk);
/* Forgets what was visited. A walk without a reset before it continues: what was reached already is not counted again.
 */
void walk_reset(struct walk *walk);
/* What walks measure from now on; first SIZE_SHALLOW. POLICY_ASIZEOF has a measure of its own. */
void walk_set_measure(struct walk *walk, enum size_measure measure);
/* For SIZE_NATIVE: the whole heap, whose `native` is known; borrowed. */
void walk_set_heap(struct walk *walk, const struct heap_graph *heap);
/* In the walk's measure, of the object that was just decoded by decoder. */
uint64_t walk_measured(const struct walk *walk, struct decoder *decoder);
/* Where a walk begins, and what it follows. */
struct walk_start {
	const uint64_t *objects;
	size_t count;
	enum policy policy;
};
/* Follows the objects as roots. ERROR_CANCELLED when progress says so (*result then holds what was found till then). */
int walk_deep(struct walk *walk, const struct walk_start *start, struct progress *progress, struct walk_result *result,
              struct error *error);

/* For walks that continue: an object that an earlier one reached, and whether a reference of the last walk led to it
 * again, so that all that it reaches is reached from there as well. 0: none. Not for POLICY_ASIZEOF. */
void walk_set_mark(struct walk *walk, uint64_t object);
bool walk_has_met_mark(const struct walk *walk);

/* The same in steps, for reports that go level by level; not for POLICY_ASIZEOF. */
/* Whether objects of this type are counted where they are referred to (as a root every object is). */
bool policy_enters(enum policy policy, const struct type_info *type);
/* Whether the references of an object of this type are looked at, and whether those of this run are followed. */
bool policy_opens(enum policy policy, const struct type_info *type);
bool policy_follows(enum policy policy, const struct run *run);
/* Marks an object as reached, without counting it. True if it was not yet. What is no object is never marked: true each
 * time, so that each reference to it is counted. */
bool walk_reach(struct walk *walk, uint64_t address);
/* Whether an object was reached since the last reset, be it counted or not. */
bool walk_has_reached(const struct walk *walk, uint64_t address);
/* The same of an address whose segment is at hand. */
bool walk_has_reached_in(const struct walk *walk, const struct segment *segment, uint64_t address);
/* walk_deep() from objects that walk_reach() has marked: they are counted and followed, not as roots. */
int walk_from_reached(struct walk *walk, const struct walk_start *reached, struct progress *progress,
                      struct walk_result *result, struct error *error);

void walk_result_clear(struct walk_result *result);
void walk_result_sort(struct walk_result *result); /* types by bytes, largest first */

#endif
