/* SPDX-License-Identifier: MIT */
#include "analysis/dominators.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/large_block.h"
#include "base/spill.h"

#define UNREACHED UINT32_MAX

/* Work arrays beside the result's, by number. */
struct work {
	struct dominators *result;
	uint32_t *parent; /* in the depth-first tree, then the ancestor of path compression */
	uint32_t *semi;
	uint32_t *label; /* in memory of twice the size: spare_wide */
	uint32_t *stack; /* for path compression */
};

static int no_memory(struct error *error)
{
	return error_set(error, ERROR_NO_MEMORY, "out of memory for the dominator tree");
}

static uint32_t *allocate(uint32_t count)
{
	return large_allocate((uint64_t)count + 2, sizeof(uint32_t));
}

/* Of an array that is as deep as the graph, of which little is touched as a rule: no huge pages. */
static uint32_t *deep_allocate(uint64_t count)
{
	return spill_directory() != NULL ? large_allocate(count + 2, sizeof(uint32_t))
	                                 : malloc((count + 2) * sizeof(uint32_t));
}

/* Depth first from start; `next` remembers for each open node which edge comes next. */
static int number_nodes(struct work *work, const struct edge_rows *edges, uint32_t start, struct progress *progress,
                        struct error *error)
{
	struct dominators *result = work->result;
	/* The way from start to the current node: numbers, and the next edge of each. Memory is touched as deep as the
	 * graph is. */
	uint32_t *path = deep_allocate(edges->node_count);
	uint32_t *next = deep_allocate(edges->node_count);
	if (path == NULL || next == NULL) {
		large_free(path);
		large_free(next);
		return no_memory(error);
	}
	uint32_t depth = 1, count = 1;
	uint64_t steps = 0;
	int status = OK;
	result->number[start] = 0;
	result->node[0] = start;
	work->parent[0] = 0;
	path[0] = 0;
	next[0] = edges->first[start];
	while (depth > 0 && status == OK) {
		uint32_t number = path[depth - 1];
		uint32_t end = edges->first[result->node[number] + 1];
		uint32_t edge = next[depth - 1];
		while (edge < end && result->number[edges->targets[edge]] != UNREACHED)
			edge++;
		if (edge == end) {
			depth--;
			continue;
		}
		uint32_t target = edges->targets[edge];
		next[depth - 1] = edge + 1;
		result->number[target] = count;
		result->node[count] = target;
		work->parent[count] = number;
		path[depth] = count++;
		next[depth++] = edges->first[target];
		if (progress_step(progress, &steps) < 0)
			status = progress_cancelled(error);
	}
	result->reached_count = count;
	large_free(path);
	large_free(next);
	return status;
}

/* One more node of a pass over all of them. */
static inline __attribute__((always_inline)) int check(struct progress *progress, uint64_t *steps, struct error *error)
{
	return __builtin_expect(progress_step(progress, steps) < 0, 0) ? progress_cancelled(error) : OK;
}

/* Edges between reached nodes turned round, by number: count, prefix sums, fill. */
static int reverse_edges(struct dominators *result, const struct edge_rows *edges, struct progress *progress,
                         struct error *error)
{
	uint32_t count = result->reached_count;
	struct edge_rows *incoming = &result->incoming;
	incoming->node_count = count;
	incoming->first = large_allocate_zero((uint64_t)count + 2, sizeof *incoming->first);
	if (incoming->first == NULL)
		return no_memory(error);
	uint32_t *at = incoming->first + 1; /* row n is filled through at[n], which ends as first[n + 1] */
	uint32_t edge_count = 0;
	uint64_t steps = 0, looks = 0;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t node = result->node[i];
		for (uint32_t edge = edges->first[node]; edge < edges->first[node + 1]; edge++, edge_count++) {
			uint32_t target = result->number[edges->targets[edge]];
			if (target + 1 < count)
				at[target + 1]++;
		}
		TRY(check(progress, &steps, error));
	}
	incoming->targets = allocate(edge_count);
	if (incoming->targets == NULL)
		return no_memory(error);
	for (uint32_t i = 1; i < count; i++) {
		at[i] += at[i - 1];
		if (progress_look(progress, &looks) < 0)
			return progress_cancelled(error);
	}
	for (uint32_t i = 0; i < count; i++) {
		uint32_t node = result->node[i];
		for (uint32_t edge = edges->first[node]; edge < edges->first[node + 1]; edge++)
			incoming->targets[at[result->number[edges->targets[edge]]]++] = i;
		TRY(check(progress, &steps, error));
	}
	return OK;
}

/* NOLINTBEGIN(clang-analyzer-core.uninitialized.*): every entry below reached_count is set by number_nodes(). */
/* The number with the least semi-dominator on the linked path above v; compresses the path. Nodes with numbers above
 * `last` are linked. */
static uint32_t evaluate(struct work *work, uint32_t v, uint32_t last)
{
	uint32_t *ancestor = work->parent;
	if (v <= last)
		return v;
	uint32_t depth = 0;
	uint32_t u = v;
	while (ancestor[u] > last) {
		work->stack[depth++] = u;
		u = ancestor[u];
	}
	/* u's ancestor is not linked: u's own label is final, and everything below takes the best above it */
	while (depth > 0) {
		uint32_t below = work->stack[--depth];
		if (work->semi[work->label[u]] < work->semi[work->label[below]])
			work->label[below] = work->label[u];
		ancestor[below] = ancestor[u];
		u = below;
	}
	return work->label[v];
}

static int semi_nca(struct work *work, struct progress *progress, struct error *error)
{
	struct dominators *result = work->result;
	const struct edge_rows *incoming = &result->incoming;
	uint32_t *idom = result->idom;
	uint32_t count = result->reached_count;
	uint64_t steps = 0, looks = 0;
	/* idom starts as the depth-first parent; `parent` itself is consumed by path compression. */
	for (uint32_t i = 0; i < count; i++) {
		work->semi[i] = work->label[i] = i;
		idom[i] = work->parent[i];
		if (progress_look(progress, &looks) < 0)
			return progress_cancelled(error);
	}
	for (uint32_t w = count - 1; w > 0; w--) {
		uint32_t least = idom[w];
		for (uint32_t edge = incoming->first[w]; edge < incoming->first[w + 1]; edge++) {
			uint32_t candidate = work->semi[evaluate(work, incoming->targets[edge], w)];
			if (candidate < least)
				least = candidate;
		}
		work->semi[w] = least;
		TRY(check(progress, &steps, error));
	}
	/* The immediate dominator is the nearest ancestor in the dominator tree so far that is not below the
	 * semi-dominator. */
	for (uint32_t w = 1; w < count; w++) {
		uint32_t dominator = idom[w];
		while (dominator > work->semi[w])
			dominator = idom[dominator];
		idom[w] = dominator;
		TRY(check(progress, &steps, error));
	}
	return OK;
}

/* NOLINTEND(clang-analyzer-core.uninitialized.*) */

/* Clearing a large array may take the system a while: cancel is looked at before. */
static int provide(uint32_t **ret_array, uint64_t count, struct progress *progress, struct error *error)
{
	TRY(progress_check(progress, error));
	*ret_array = large_allocate(count + 2, sizeof **ret_array);
	return *ret_array != NULL ? OK : no_memory(error);
}

static int compute(struct work *work, struct edge_rows *edges, uint32_t start, struct progress *progress,
                   struct error *error)
{
	struct dominators *result = work->result;
	TRY(provide(&result->number, edges->node_count, progress, error));
	TRY(provide(&result->node, edges->node_count, progress, error));
	TRY(provide(&work->parent, edges->node_count, progress, error));
	memset(result->number, 0xff, (size_t)edges->node_count * sizeof *result->number);
	TRY(number_nodes(work, edges, start, progress, error));
	TRY(reverse_edges(result, edges, progress, error));
	edge_rows_free(edges);
	const uint64_t count = result->reached_count;
	/* The largest first: memory of the edges is had again. */
	TRY(provide(&work->label, count * (sizeof *result->spare_wide / sizeof *work->label) + 2, progress, error));
	TRY(provide(&result->idom, count, progress, error));
	TRY(provide(&work->semi, count, progress, error));
	/* As deep as the graph: little of it is touched, as a rule. */
	work->stack = deep_allocate(count);
	if (work->stack == NULL)
		return no_memory(error);
	return semi_nca(work, progress, error);
}

int dominators_compute(struct dominators *ret_dominators, struct edge_rows *edges, uint32_t start,
                       struct progress *progress, struct error *error)
{
	*ret_dominators = (struct dominators){ .node_count = edges->node_count };
	struct work work = { .result = ret_dominators };
	int status = compute(&work, edges, start, progress, error);
	edge_rows_free(edges);
	large_free(work.stack);
	ret_dominators->spare[0] = work.parent;
	ret_dominators->spare[1] = work.semi;
	ret_dominators->spare_wide = (uint64_t *)(void *)work.label;
	if (status < 0)
		dominators_clear(ret_dominators);
	return status;
}

void dominators_clear(struct dominators *dominators)
{
	large_free(dominators->number);
	large_free(dominators->node);
	large_free(dominators->idom);
	large_free(dominators->spare[0]);
	large_free(dominators->spare[1]);
	large_free(dominators->spare_wide);
	edge_rows_free(&dominators->incoming);
	*dominators = (struct dominators){ .node_count = 0 };
}

int dominators_sum(const struct dominators *dominators, uint64_t *sums, const struct progress *progress)
{
	uint64_t steps = 0;
	for (uint32_t i = dominators->reached_count; i-- > 1;) {
		sums[dominators->idom[i]] += sums[i];
		TRY(progress_look(progress, &steps));
	}
	return OK;
}

int dominators_sum_counts(const struct dominators *dominators, struct byte_counts *sums,
                          const struct progress *progress)
{
	uint64_t steps = 0;
	if (sums->narrow == NULL)
		return dominators_sum(dominators, sums->wide, progress);
	for (uint32_t i = dominators->reached_count; i-- > 1;) {
		sums->narrow[dominators->idom[i]] += sums->narrow[i];
		TRY(progress_look(progress, &steps));
	}
	return OK;
}

int dominators_children(struct dominators *dominators, struct dominator_children *ret_children,
                        const struct progress *progress, struct error *error)
{
	uint64_t steps = 0;
	uint32_t count = dominators->reached_count;
	uint32_t **arrays[2] = { &ret_children->first, &ret_children->next };
	for (int i = 0; i < 2; i++) {
		*arrays[i] = dominators->spare[i] != NULL ? dominators->spare[i] : allocate(count);
		dominators->spare[i] = NULL;
	}
	if (ret_children->first == NULL || ret_children->next == NULL) {
		dominator_children_clear(ret_children);
		return no_memory(error);
	}
	memset(ret_children->first, 0, ((size_t)count + 1) * sizeof *ret_children->first);
	ret_children->next[0] = 0;
	for (uint32_t i = count; i-- > 1;) {
		ret_children->next[i] = ret_children->first[dominators->idom[i]];
		ret_children->first[dominators->idom[i]] = i;
		if (progress_look(progress, &steps) < 0) {
			dominator_children_clear(ret_children);
			return progress_cancelled(error);
		}
	}
	return OK;
}

void dominator_children_clear(struct dominator_children *children)
{
	large_free(children->first);
	large_free(children->next);
	*children = (struct dominator_children){ .first = NULL };
}

uint32_t dominators_next(const struct dominators *dominators, const struct dominator_children *children, uint32_t top,
                         uint32_t number)
{
	if (children->first[number] != 0)
		return children->first[number];
	while (number != top && children->next[number] == 0)
		number = dominators->idom[number];
	return number == top ? 0 : children->next[number];
}
