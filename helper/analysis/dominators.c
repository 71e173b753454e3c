/* SPDX-License-Identifier: MIT */
#include "analysis/dominators.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define UNREACHED UINT32_MAX

enum { CANCEL_INTERVAL = 1 << 16 };

/* Work arrays by preorder number, so that semi-dominators compare as plain numbers. */
struct work {
	uint32_t count; /* reached nodes */
	uint32_t *number; /* node -> preorder number, UNREACHED */
	uint32_t *node; /* preorder number -> node */
	uint32_t *parent; /* number of the parent in the depth-first tree, then the link-eval ancestor */
	uint32_t *semi;
	uint32_t *label;
	uint32_t *idom;
	uint64_t *first; /* incoming edges by number */
	uint32_t *sources;
	uint32_t *stack; /* for path compression */
};

static bool is_cancelled(const atomic_bool *cancel)
{
	return cancel != NULL && atomic_load_explicit(cancel, memory_order_relaxed);
}

/* Depth first from start; `next` remembers for each open node which edge comes next. */
static int number_nodes(struct work *work, const struct edge_rows *edges, uint32_t start, const atomic_bool *cancel,
                        struct error *error)
{
	uint32_t node_count = edges->node_count;
	/* The path from start to the current node: numbers, and the next edge of each. */
	uint32_t *path = malloc((size_t)node_count * sizeof *path);
	uint64_t *next = malloc((size_t)node_count * sizeof *next);
	if (path == NULL || next == NULL) {
		free(path);
		free(next);
		return error_set(error, ERROR_NO_MEMORY, "out of memory for the dominator tree of %u objects",
		                 node_count);
	}
	uint64_t depth = 0, steps = 0;
	int status = OK;
	work->number[start] = 0;
	work->node[0] = start;
	work->parent[0] = 0;
	work->count = 1;
	path[0] = 0;
	next[0] = edges->first[start];
	for (depth = 1; depth > 0 && status == OK;) {
		uint32_t number = path[depth - 1];
		uint32_t node = work->node[number];
		uint64_t end = edges->first[node + 1];
		uint64_t edge = next[depth - 1];
		while (edge < end && work->number[edges->targets[edge]] != UNREACHED)
			edge++;
		if (edge == end) {
			depth--;
			continue;
		}
		uint32_t target = edges->targets[edge];
		next[depth - 1] = edge + 1;
		work->number[target] = work->count;
		work->node[work->count] = target;
		work->parent[work->count] = number;
		path[depth] = work->count++;
		next[depth++] = edges->first[target];
		if (++steps % CANCEL_INTERVAL == 0 && is_cancelled(cancel))
			status = error_set(error, ERROR_CANCELLED, "cancelled");
	}
	free(path);
	free(next);
	return status;
}

/* Incoming edges of reached nodes, by number: count, prefix sums, fill. */
static int reverse_edges(struct work *work, const struct edge_rows *edges, struct error *error)
{
	work->first = calloc((size_t)work->count + 2, sizeof *work->first);
	if (work->first == NULL)
		return error_set(error, ERROR_NO_MEMORY, "out of memory for the dominator tree");
	uint64_t edge_count = 0;
	for (uint32_t i = 0; i < work->count; i++) {
		uint32_t node = work->node[i];
		for (uint64_t edge = edges->first[node]; edge < edges->first[node + 1]; edge++, edge_count++)
			work->first[work->number[edges->targets[edge]] + 2]++;
	}
	work->sources = malloc((edge_count + 1) * sizeof *work->sources);
	if (work->sources == NULL)
		return error_set(error, ERROR_NO_MEMORY, "out of memory for the dominator tree");
	for (uint32_t i = 2; i <= work->count + 1; i++)
		work->first[i] += work->first[i - 1];
	for (uint32_t i = 0; i < work->count; i++) {
		uint32_t node = work->node[i];
		for (uint64_t edge = edges->first[node]; edge < edges->first[node + 1]; edge++)
			work->sources[work->first[work->number[edges->targets[edge]] + 1]++] = i;
	}
	return OK;
}

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

static int semi_nca(struct work *work, const atomic_bool *cancel, struct error *error)
{
	/* idom starts as the depth-first parent; `parent` itself is consumed by path compression. */
	for (uint32_t i = 0; i < work->count; i++) {
		work->semi[i] = work->label[i] = i;
		work->idom[i] = work->parent[i];
	}
	for (uint32_t w = work->count - 1; w > 0 && w < work->count; w--) {
		uint32_t least = work->idom[w];
		for (uint64_t edge = work->first[w]; edge < work->first[w + 1]; edge++) {
			uint32_t candidate = work->semi[evaluate(work, work->sources[edge], w)];
			if (candidate < least)
				least = candidate;
		}
		work->semi[w] = least;
		if (w % CANCEL_INTERVAL == 0 && is_cancelled(cancel))
			return error_set(error, ERROR_CANCELLED, "cancelled");
	}
	/* The immediate dominator is the nearest ancestor in the dominator tree so far that is not below the
	 * semi-dominator. */
	for (uint32_t w = 1; w < work->count; w++) {
		uint32_t dominator = work->idom[w];
		while (dominator > work->semi[w])
			dominator = work->idom[dominator];
		work->idom[w] = dominator;
	}
	return OK;
}

static void work_free(struct work *work)
{
	free(work->number);
	free(work->parent);
	free(work->semi);
	free(work->label);
	free(work->idom);
	free(work->first);
	free(work->sources);
	free(work->stack);
}

static int compute(struct work *work, const struct edge_rows *edges, uint32_t start, const atomic_bool *cancel,
                   struct error *error)
{
	size_t bytes = ((size_t)edges->node_count + 1) * sizeof(uint32_t);
	work->number = malloc(bytes);
	work->node = malloc(bytes);
	work->parent = malloc(bytes);
	if (work->number == NULL || work->node == NULL || work->parent == NULL)
		return error_set(error, ERROR_NO_MEMORY, "out of memory for the dominator tree");
	memset(work->number, 0xff, bytes);
	TRY(number_nodes(work, edges, start, cancel, error));
	TRY(reverse_edges(work, edges, error));
	bytes = ((size_t)work->count + 1) * sizeof(uint32_t);
	work->semi = malloc(bytes);
	work->label = malloc(bytes);
	work->idom = malloc(bytes);
	work->stack = malloc(bytes);
	if (work->semi == NULL || work->label == NULL || work->idom == NULL || work->stack == NULL)
		return error_set(error, ERROR_NO_MEMORY, "out of memory for the dominator tree");
	return semi_nca(work, cancel, error);
}

int dominators_compute(struct dominators *ret_dominators, const struct edge_rows *edges, uint32_t start,
                       const atomic_bool *cancel, struct error *error)
{
	*ret_dominators = (struct dominators){ .node_count = edges->node_count };
	struct work work = { .count = 0 };
	int status = compute(&work, edges, start, cancel, error);
	uint32_t *idom = NULL;
	if (status == OK && (idom = malloc(((size_t)edges->node_count + 1) * sizeof *idom)) == NULL)
		status = error_set(error, ERROR_NO_MEMORY, "out of memory for the dominator tree");
	if (status < 0) {
		free(work.node);
		work_free(&work);
		return status;
	}
	memset(idom, 0xff, ((size_t)edges->node_count + 1) * sizeof *idom);
	for (uint32_t i = 0; i < work.count; i++)
		idom[work.node[i]] = work.node[work.idom[i]];
	ret_dominators->idom = idom;
	ret_dominators->order = work.node;
	ret_dominators->reached_count = work.count;
	work_free(&work);
	return OK;
}

void dominators_clear(struct dominators *dominators)
{
	free(dominators->idom);
	free(dominators->order);
	*dominators = (struct dominators){ .node_count = 0 };
}

void dominators_sum(const struct dominators *dominators, uint64_t *sums)
{
	for (uint32_t i = dominators->reached_count; i-- > 1;)
		sums[dominators->idom[dominators->order[i]]] += sums[dominators->order[i]];
}

void dominators_count(const struct dominators *dominators, uint32_t *counts)
{
	for (uint32_t i = dominators->reached_count; i-- > 1;)
		counts[dominators->idom[dominators->order[i]]] += counts[dominators->order[i]];
}
