/* SPDX-License-Identifier: MIT
 * Paths against a naive search: all ways without a repeated node, written down and sorted by what they cost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/paths.h"

enum { MOST_NODES = 9, GRAPHS = 4000, MOST_WAYS = 1 << 17, LAST = 1 << 20 };

static uint64_t random_state = 20261122;

static uint32_t random_below(uint32_t limit)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((random_state >> 33) % limit);
}

struct graph {
	struct edge_rows incoming;
	uint32_t first[MOST_NODES + 1];
	uint32_t targets[MOST_NODES * MOST_NODES];
	uint8_t starts[MOST_NODES];
};

static void make_graph(struct graph *graph)
{
	const uint32_t node_count = 1 + random_below(MOST_NODES);
	const uint32_t density = 1 + random_below(3);
	uint32_t edge = 0;
	for (uint32_t node = 0; node < node_count; node++) {
		graph->first[node] = edge;
		const uint32_t degree = random_below(density + 2);
		for (uint32_t i = 0; i < degree; i++)
			graph->targets[edge++] = random_below(node_count); /* self-loops and doubles too */
		graph->starts[node] = PATH_NO_START;
		if (random_below(3) == 0)
			graph->starts[node] =
			        (uint8_t)(random_below(4) | (random_below(3) == 0 ? PATH_LAST_RESORT : 0));
	}
	graph->first[node_count] = edge;
	graph->incoming = (struct edge_rows){ node_count, graph->first, graph->targets };
}

/* ---- Naive ---- */

struct naive {
	const struct graph *graph;
	uint32_t nodes[MOST_NODES]; /* from the target on, against the edges */
	uint32_t costs[MOST_WAYS];
	uint32_t count;
};

static uint32_t cost_of(const struct graph *graph, uint32_t start, uint32_t edges)
{
	return edges + (graph->starts[start] & (PATH_LAST_RESORT - 1u)) +
	       (graph->starts[start] & PATH_LAST_RESORT ? LAST : 0);
}

static void walk(struct naive *naive, uint32_t length)
{
	const struct graph *graph = naive->graph;
	const uint32_t node = naive->nodes[length - 1];
	bool met[MOST_NODES] = { false }; /* parallel edges are one way */
	for (uint32_t edge = graph->first[node]; edge < graph->first[node + 1]; edge++) {
		const uint32_t from = graph->targets[edge];
		bool repeats = met[from];
		met[from] = true;
		for (uint32_t i = 0; i < length; i++)
			repeats |= naive->nodes[i] == from;
		if (repeats)
			continue;
		if (graph->starts[from] != PATH_NO_START) {
			assert_true(naive->count < MOST_WAYS);
			naive->costs[naive->count++] = cost_of(graph, from, length);
			continue;
		}
		naive->nodes[length] = from;
		walk(naive, length + 1);
	}
}

static int compare(const void *left, const void *right)
{
	const uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
	return a < b ? -1 : a > b;
}

/* ---- Comparison ---- */

static void check_path(const struct graph *graph, const struct path *path, uint32_t target)
{
	assert_true(path->count >= 2);
	assert_int_equal(path->nodes[path->count - 1], target);
	assert_int_not_equal(graph->starts[path->nodes[0]], PATH_NO_START);
	assert_int_equal(path->cost + (path->is_last_resort ? LAST : 0),
	                 cost_of(graph, path->nodes[0], path->count - 1));
	for (uint32_t i = 1; i < path->count; i++) {
		bool is_edge = false;
		for (uint32_t edge = graph->first[path->nodes[i]]; edge < graph->first[path->nodes[i] + 1]; edge++)
			is_edge |= graph->targets[edge] == path->nodes[i - 1];
		assert_true(is_edge);
		assert_true(i + 1 == path->count || graph->starts[path->nodes[i]] == PATH_NO_START);
		for (uint32_t k = 0; k < i; k++)
			assert_int_not_equal(path->nodes[i], path->nodes[k]);
	}
}

static bool is_same(const struct path *left, const struct path *right)
{
	return left->count == right->count && memcmp(left->nodes, right->nodes, left->count * sizeof *left->nodes) == 0;
}

static void test_shortest(void **state)
{
	(void)state;
	static struct naive naive;
	struct graph graph;
	struct error error = { 0 };
	for (int round = 0; round < GRAPHS; round++) {
		make_graph(&graph);
		const uint32_t target = random_below(graph.incoming.node_count);
		const uint32_t count = 1 + random_below(12);
		naive.graph = &graph;
		naive.nodes[0] = target;
		naive.count = 0;
		walk(&naive, 1);
		qsort(naive.costs, naive.count, sizeof *naive.costs, compare);
		struct path_list paths;
		const struct path_request request = { .incoming = &graph.incoming,
			                              .starts = graph.starts,
			                              .target = target,
			                              .through = UINT32_MAX,
			                              .count = count };
		assert_int_equal(paths_find(&paths, &request, &error), OK);
		assert_int_equal(paths.count, naive.count < count ? naive.count : count);
		for (size_t i = 0; i < paths.count; i++) {
			check_path(&graph, &paths.items[i], target);
			assert_int_equal(paths.items[i].cost + (paths.items[i].is_last_resort ? LAST : 0),
			                 naive.costs[i]);
			for (size_t k = 0; k < i; k++)
				assert_false(is_same(&paths.items[i], &paths.items[k]));
		}
		path_list_clear(&paths);
	}
}

static void test_through(void **state)
{
	(void)state;
	struct graph graph;
	struct error error = { 0 };
	uint32_t found = 0;
	for (int round = 0; round < GRAPHS; round++) {
		make_graph(&graph);
		const uint32_t target = random_below(graph.incoming.node_count);
		const uint32_t through = random_below(graph.incoming.node_count);
		struct path_list paths;
		const struct path_request request = { .incoming = &graph.incoming,
			                              .starts = graph.starts,
			                              .target = target,
			                              .through = through,
			                              .count = 3 };
		assert_int_equal(paths_find(&paths, &request, &error), OK);
		for (size_t i = 0; i < paths.count; i++, found++) {
			bool passes = false;
			check_path(&graph, &paths.items[i], target);
			for (uint32_t k = 0; k < paths.items[i].count; k++)
				passes |= paths.items[i].nodes[k] == through;
			assert_true(passes);
		}
		path_list_clear(&paths);
	}
	assert_true(found > GRAPHS / 20);
}

/* What the forest says each node costs, against the naive shortest way. */
static void test_forest(void **state)
{
	(void)state;
	static struct naive naive;
	struct graph graph;
	struct error error = { 0 };
	for (int round = 0; round < GRAPHS; round++) {
		make_graph(&graph);
		struct path_forest forest;
		assert_int_equal(path_forest_grow(&forest, &graph.incoming, graph.starts, NULL, &error), OK);
		uint32_t reached = 0, place[MOST_NODES];
		for (uint32_t i = 0; i < forest.count; i++)
			place[forest.order[i]] = i;
		for (uint32_t node = 0; node < graph.incoming.node_count; node++) {
			if (graph.starts[node] != PATH_NO_START) {
				assert_int_equal(forest.before[node], node);
				reached++;
				continue;
			}
			naive.graph = &graph;
			naive.nodes[0] = node;
			naive.count = 0;
			walk(&naive, 1);
			qsort(naive.costs, naive.count, sizeof *naive.costs, compare);
			if (naive.count == 0) {
				assert_int_equal(forest.before[node], PATH_NOT_REACHED);
				continue;
			}
			reached++;
			uint32_t at = node, edges = 0;
			for (; forest.before[at] != at; at = forest.before[at], edges++)
				assert_true(place[forest.before[at]] < place[at]);
			assert_int_equal(cost_of(&graph, at, edges), naive.costs[0]);
		}
		assert_int_equal(forest.count, reached);
		path_forest_clear(&forest);
	}
}

/* A list of a million nodes with a start at its far end: found, and others looked for at its ends only. */
static void test_long(void **state)
{
	(void)state;
	enum { LENGTH = 1000000 };
	uint32_t *first = malloc((LENGTH + 1) * sizeof *first), *targets = malloc(LENGTH * sizeof *targets);
	uint8_t *starts = malloc(LENGTH);
	assert_true(first != NULL && targets != NULL && starts != NULL);
	for (uint32_t i = 0; i < LENGTH; i++) {
		first[i] = i;
		targets[i] = i + 1 < LENGTH ? i + 1 : i;
		starts[i] = i + 1 < LENGTH ? PATH_NO_START : 0;
	}
	first[LENGTH] = LENGTH;
	const struct edge_rows incoming = { LENGTH, first, targets };
	const struct path_request request = {
		.incoming = &incoming, .starts = starts, .target = 0, .through = UINT32_MAX, .count = 5
	};
	struct path_list paths;
	struct error error = { 0 };
	assert_int_equal(paths_find(&paths, &request, &error), OK);
	assert_int_equal(paths.count, 1);
	assert_int_equal(paths.items[0].count, LENGTH);
	path_list_clear(&paths);
	struct progress progress = { .cancel = true };
	struct path_request cancelled = request;
	cancelled.progress = &progress;
	assert_int_equal(paths_find(&paths, &cancelled, &error), ERROR_CANCELLED);
	path_list_clear(&paths);
	free(first);
	free(targets);
	free(starts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shortest),
		cmocka_unit_test(test_through),
		cmocka_unit_test(test_forest),
		cmocka_unit_test(test_long),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
