/* SPDX-License-Identifier: MIT
 * Components and cycles of random graphs against what reachability says, written down as a matrix. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/components.h"

enum { MOST_NODES = 12, GRAPHS = 5000, FAR = 1000 };

static uint64_t random_state = 20261127;

static uint32_t random_below(uint32_t limit)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((random_state >> 33) % limit);
}

struct graph {
	struct edge_rows edges;
	uint32_t first[MOST_NODES + 1], targets[MOST_NODES * MOST_NODES];
	uint32_t distance[MOST_NODES][MOST_NODES]; /* by at least one edge */
};

static void make_graph(struct graph *graph)
{
	const uint32_t count = 1 + random_below(MOST_NODES), density = 1 + random_below(4);
	uint32_t edge = 0;
	for (uint32_t i = 0; i < MOST_NODES; i++)
		for (uint32_t k = 0; k < MOST_NODES; k++)
			graph->distance[i][k] = FAR;
	for (uint32_t node = 0; node < count; node++) {
		graph->first[node] = edge;
		for (uint32_t i = random_below(density); i > 0; i--) {
			graph->targets[edge] = random_below(count); /* self-loops and doubles too */
			graph->distance[node][graph->targets[edge++]] = 1;
		}
	}
	graph->first[count] = edge;
	graph->edges = (struct edge_rows){ count, graph->first, graph->targets };
	for (uint32_t via = 0; via < count; via++)
		for (uint32_t i = 0; i < count; i++)
			for (uint32_t k = 0; k < count; k++)
				if (graph->distance[i][via] + graph->distance[via][k] < graph->distance[i][k])
					graph->distance[i][k] = graph->distance[i][via] + graph->distance[via][k];
}

static void check_cycle(const struct graph *graph, struct cycle_search *search, uint32_t start)
{
	uint32_t nodes[MOST_NODES], few[2];
	const uint32_t length = cycle_search_from(search, start, nodes, MOST_NODES);
	const uint32_t expected = graph->distance[start][start];
	assert_int_equal(length, expected < FAR ? expected : 0);
	for (uint32_t i = 0; i < length; i++)
		assert_int_equal(graph->distance[nodes[i]][nodes[(i + 1) % length]], 1);
	if (length == 0)
		return;
	assert_int_equal(nodes[0], start);
	assert_int_equal(cycle_search_from(search, start, few, 2), length);
	assert_int_equal(few[0], nodes[0]);
	if (length > 1)
		assert_int_equal(few[1], nodes[1]);
}

static void check_graph(const struct graph *graph)
{
	const uint32_t count = graph->edges.node_count;
	struct components components;
	struct cycle_search search;
	uint32_t members = 0;
	assert_int_equal(components_find(&components, &graph->edges, NULL, NULL), OK);
	for (uint32_t i = 0; i < count; i++) {
		for (uint32_t k = 0; k < count; k++) {
			const bool reaches = i == k || graph->distance[i][k] < FAR;
			const bool is_reached = i == k || graph->distance[k][i] < FAR;
			assert_int_equal(components.of[i] == components.of[k], reaches && is_reached);
			if (reaches)
				assert_true(components.of[i] >= components.of[k]);
		}
	}
	for (uint32_t component = 0; component < components.count; component++) {
		for (uint32_t i = components.first[component]; i < components.first[component + 1]; i++) {
			assert_int_equal(components.of[components.nodes[i]], component);
			members++;
		}
	}
	assert_int_equal(members, count);
	assert_true(cycle_search_open(&search, &graph->edges, &components));
	for (uint32_t node = 0; node < count; node++)
		check_cycle(graph, &search, node);
	cycle_search_close(&search);
	components_clear(&components);
}

static void random_graphs(void **state)
{
	(void)state;
	struct graph graph;
	for (int i = 0; i < GRAPHS; i++) {
		make_graph(&graph);
		check_graph(&graph);
	}
}

static void is_cancelled(void **state)
{
	(void)state;
	enum { NODES = 100000 };
	uint32_t *first = malloc((NODES + 1) * sizeof *first), *targets = malloc(NODES * sizeof *targets);
	struct components components;
	struct progress progress = { .done = 0 };
	struct error error = { .message = "" };
	assert_non_null(first);
	assert_non_null(targets);
	for (uint32_t i = 0; i < NODES; i++) {
		first[i] = i;
		targets[i] = (i + 1) % NODES;
	}
	first[NODES] = NODES;
	const struct edge_rows edges = { NODES, first, targets };
	progress_cancel(&progress);
	assert_int_equal(components_find(&components, &edges, &progress, &error), ERROR_CANCELLED);
	assert_int_equal(components_find(&components, &edges, NULL, &error), OK);
	assert_int_equal(components.count, 1);
	components_clear(&components);
	free(first);
	free(targets);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(random_graphs), cmocka_unit_test(is_cancelled) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
