/* SPDX-License-Identifier: MIT
 * Dominators, retained sums and retained sets against their definition, on random graphs: d dominates n if n cannot be
 * reached once d is taken out; a set retains n if n cannot be reached once all of the set are taken out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/dominators.h"
#include "analysis/groups.h"

enum { MOST_NODES = 40, GRAPHS = 10000 };

struct graph {
	uint32_t node_count;
	uint32_t first[MOST_NODES + 1];
	uint32_t targets[MOST_NODES * MOST_NODES];
};

static uint64_t random_state = 20261121;

static uint32_t random_below(uint32_t limit)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((random_state >> 33) % limit);
}

static void make_graph(struct graph *graph)
{
	graph->node_count = 1 + random_below(MOST_NODES);
	uint32_t density = 1 + random_below(4);
	uint32_t edge = 0;
	for (uint32_t node = 0; node < graph->node_count; node++) {
		graph->first[node] = edge;
		uint32_t degree = random_below(density + 2);
		for (uint32_t i = 0; i < degree; i++)
			graph->targets[edge++] = random_below(graph->node_count); /* self-loops and doubles too */
	}
	graph->first[graph->node_count] = edge;
}

/* Which nodes are reached from 0 when those are taken out that have `removed` in `marks`. */
static void reach_without_marked(const struct graph *graph, const uint32_t *marks, uint32_t removed, bool *reached)
{
	uint32_t stack[MOST_NODES], depth = 0;
	memset(reached, 0, MOST_NODES * sizeof *reached);
	if (marks[0] == removed)
		return;
	reached[0] = true;
	stack[depth++] = 0;
	while (depth > 0) {
		uint32_t node = stack[--depth];
		for (uint32_t edge = graph->first[node]; edge < graph->first[node + 1]; edge++) {
			uint32_t target = graph->targets[edge];
			if (marks[target] == removed || reached[target])
				continue;
			reached[target] = true;
			stack[depth++] = target;
		}
	}
}

/* The same when one node is taken out (node_count: none is). */
static void reach_without(const struct graph *graph, uint32_t removed, bool *reached)
{
	uint32_t marks[MOST_NODES];
	for (uint32_t i = 0; i < MOST_NODES; i++)
		marks[i] = i;
	reach_without_marked(graph, marks, removed, reached);
}

static void *copy(const void *bytes, size_t size)
{
	void *copied = malloc(size + 1);
	assert_non_null(copied);
	return memcpy(copied, bytes, size);
}

static void check_incoming(const struct graph *graph, const struct dominators *dominators)
{
	uint32_t seen = 0, expected = 0;
	for (uint32_t node = 0; node < graph->node_count; node++)
		if (dominators->number[node] != UINT32_MAX)
			expected += graph->first[node + 1] - graph->first[node];
	for (uint32_t number = 0; number < dominators->reached_count; number++) {
		for (uint32_t i = dominators->incoming.first[number]; i < dominators->incoming.first[number + 1];
		     i++, seen++) {
			uint32_t source = dominators->node[dominators->incoming.targets[i]];
			bool found = false;
			for (uint32_t edge = graph->first[source]; edge < graph->first[source + 1]; edge++)
				found |= graph->targets[edge] == dominators->node[number];
			assert_true(found);
		}
	}
	assert_int_equal(seen, expected);
}

static void check_children(struct dominators *dominators)
{
	struct dominator_children children;
	struct error error = { 0 };
	assert_int_equal(dominators_children(dominators, &children, NULL, &error), OK);
	for (uint32_t top = 0; top < dominators->reached_count; top++) {
		bool below[MOST_NODES] = { false };
		uint32_t number = top, count = 0;
		do {
			assert_false(below[number]);
			below[number] = true;
			count++;
		} while ((number = dominators_next(dominators, &children, top, number)) != 0);
		for (uint32_t i = 0; i < dominators->reached_count; i++) {
			uint32_t above = i;
			while (above != 0 && above != top)
				above = dominators->idom[above];
			assert_int_equal(below[i], above == top);
			count -= above == top;
		}
		assert_int_equal(count, 0);
	}
	dominator_children_clear(&children);
}

static void check_groups(const struct graph *graph, const struct dominators *dominators, const bool *all)
{
	const uint32_t group_count = 1 + random_below(6);
	uint32_t marks[MOST_NODES], group[MOST_NODES];
	bool without[MOST_NODES];
	struct groups groups;
	struct error error = { 0 };
	for (uint32_t node = 0; node < graph->node_count; node++) {
		/* the start itself is in no group mostly, as the process is in none */
		marks[node] = random_below(group_count + (node == 0 ? 40 : 2));
		if (marks[node] >= group_count)
			marks[node] = GROUP_NONE;
	}
	for (uint32_t number = 0; number < dominators->reached_count; number++)
		group[number] = marks[dominators->node[number]];
	assert_int_equal(groups_open(&groups, dominators, group, NULL, &error), OK);
	for (uint32_t one = 0; one < group_count; one++) {
		reach_without_marked(graph, marks, one, without);
		for (uint32_t number = 0; number < dominators->reached_count; number++) {
			uint32_t node = dominators->node[number], set = groups.set[number];
			bool retains = false;
			for (uint64_t i = groups.first[set]; i < groups.first[set + 1]; i++)
				retains |= groups.members[i] == one;
			assert_int_equal(retains, all[node] && !without[node]);
		}
	}
	groups_close(&groups);
}

static void check_graph(const struct graph *graph)
{
	struct edge_rows rows = { graph->node_count, copy(graph->first, sizeof graph->first),
		                  copy(graph->targets, graph->first[graph->node_count] * sizeof *graph->targets) };
	struct dominators dominators;
	struct error error = { 0 };
	assert_int_equal(dominators_compute(&dominators, &rows, 0, NULL, &error), OK);
	bool all[MOST_NODES], without[MOST_NODES], dominates[MOST_NODES][MOST_NODES];
	uint64_t sums[MOST_NODES], naive[MOST_NODES] = { 0 };
	uint32_t reached = 0;
	reach_without(graph, graph->node_count, all);
	for (uint32_t node = 0; node < graph->node_count; node++) {
		reached += all[node];
		reach_without(graph, node, without);
		for (uint32_t other = 0; other < graph->node_count; other++) {
			dominates[node][other] = all[other] && !without[other];
			if (all[node] && dominates[node][other])
				naive[node] += UINT64_C(1) << 33 | other;
		}
	}
	assert_int_equal(dominators.reached_count, reached);
	for (uint32_t number = 0; number < reached; number++)
		sums[number] = UINT64_C(1) << 33 | dominators.node[number];
	assert_int_equal(dominators_sum(&dominators, sums, NULL), OK);
	for (uint32_t node = 0; node < graph->node_count; node++) {
		uint32_t number = dominators.number[node];
		assert_int_equal(number != UINT32_MAX, all[node]);
		if (!all[node])
			continue;
		assert_true(sums[number] == naive[node]);
		uint32_t idom = dominators.node[dominators.idom[number]];
		assert_true(dominates[idom][node]);
		/* immediate: every other strict dominator of the node dominates it too */
		for (uint32_t other = 0; node != 0 && other < graph->node_count; other++)
			if (other != node && dominates[other][node])
				assert_true(dominates[other][idom]);
	}
	check_incoming(graph, &dominators);
	check_children(&dominators);
	check_groups(graph, &dominators, all);
	dominators_clear(&dominators);
}

static void test_random_graphs(void **state)
{
	(void)state;
	static struct graph graph;
	for (int i = 0; i < GRAPHS; i++) {
		make_graph(&graph);
		check_graph(&graph);
	}
}

/* A ring of a million nodes: nothing may recurse. */
static void test_long_chain(void **state)
{
	(void)state;
	enum { LENGTH = 1000000 };
	uint64_t *sums = malloc(LENGTH * sizeof *sums);
	assert_non_null(sums);
	for (int attempt = 0; attempt < 2; attempt++) {
		struct edge_rows rows = { LENGTH, malloc((LENGTH + 1) * sizeof(uint32_t)),
			                  malloc(LENGTH * sizeof(uint32_t)) };
		assert_non_null(rows.first);
		assert_non_null(rows.targets);
		for (uint32_t i = 0; i < LENGTH; i++) {
			rows.first[i] = i;
			rows.targets[i] = i + 1 < LENGTH ? i + 1 : 0;
			sums[i] = 1;
		}
		rows.first[LENGTH] = LENGTH;
		struct dominators dominators;
		struct error error = { 0 };
		struct progress progress = { .cancel = attempt == 1 };
		int status = dominators_compute(&dominators, &rows, 0, &progress, &error);
		assert_null(rows.first);
		if (progress.cancel) {
			assert_int_equal(status, ERROR_CANCELLED);
			continue;
		}
		assert_int_equal(status, OK);
		assert_int_equal(dominators_sum(&dominators, sums, NULL), OK);
		for (uint32_t i = 0; i < LENGTH; i++)
			assert_int_equal(sums[i], LENGTH - i);
		dominators_clear(&dominators);
	}
	free(sums);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_graphs),
		cmocka_unit_test(test_long_chain),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
