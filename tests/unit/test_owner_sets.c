/* SPDX-License-Identifier: MIT
 * Which owners reach a node first, of random graphs, against a search from each owner. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/owner_sets.h"

enum { MOST_NODES = 16, GRAPHS = 5000, CHAIN = 10000 };

static uint64_t random_state = 20261127;

static uint32_t random_below(uint32_t limit)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((random_state >> 33) % limit);
}

/* Takes the edges. */
static void compute(struct dominators *dominators, uint32_t count, const uint32_t *first, const uint32_t *targets)
{
	struct error error = { .status = OK };
	struct edge_rows edges = { count, large_allocate(count + 1, sizeof *first), NULL };
	edges.targets = large_allocate(first[count] + 1, sizeof *targets);
	memcpy(edges.first, first, (count + 1) * sizeof *first);
	memcpy(edges.targets, targets, first[count] * sizeof *targets);
	assert_int_equal(dominators_compute(dominators, &edges, 0, NULL, &error), OK);
}

/* Bits of what reaches each node: from `start`, not through owners. */
static void spread(const struct dominators *dominators, const uint32_t *owner, uint32_t start, uint32_t bit,
                   uint32_t *reached)
{
	const struct edge_rows *incoming = &dominators->incoming;
	reached[start] |= bit;
	for (bool changed = true; changed;) {
		changed = false;
		for (uint32_t i = 0; i < dominators->reached_count; i++) {
			bool is_met = (reached[i] & bit) != 0;
			for (uint32_t e = incoming->first[i]; e < incoming->first[i + 1] && owner[i] == OWNER_NONE;
			     e++) {
				const uint32_t from = incoming->targets[e];
				is_met |= (reached[from] & bit) != 0 && (from == start || owner[from] == OWNER_NONE);
			}
			changed |= is_met && (reached[i] & bit) == 0;
			reached[i] |= is_met ? bit : 0;
		}
	}
}

static void check(const struct dominators *dominators, const uint32_t *owner)
{
	struct error error = { .status = OK };
	struct owner_sets sets;
	uint32_t reached[MOST_NODES] = { 0 };
	assert_int_equal(owner_sets_open(&sets, dominators, owner, NULL, &error), OK);
	spread(dominators, owner, 0, 1, reached);
	for (uint32_t i = 0; i < dominators->reached_count; i++)
		if (owner[i] != OWNER_NONE)
			spread(dominators, owner, i, 2u << owner[i], reached);
	for (uint32_t i = 1; i < dominators->reached_count; i++) {
		const struct owner_set *set = &sets.sets[sets.set[i]];
		uint32_t bits = 0;
		if (owner[i] != OWNER_NONE)
			continue;
		for (uint32_t k = 0; k < set->count; k++)
			bits |= 2u << set->owners[k];
		if ((reached[i] & 1) != 0)
			assert_int_equal(sets.set[i], OWNER_SET_OUTSIDE);
		else if (__builtin_popcount(reached[i]) > OWNERS_TOLD)
			assert_int_equal(sets.set[i], OWNER_SET_MANY);
		else
			assert_int_equal(bits, reached[i]);
	}
	owner_sets_close(&sets);
}

static void test_random_graphs(void **state)
{
	(void)state;
	for (uint32_t round = 0; round < GRAPHS; round++) {
		const uint32_t count = 2 + random_below(MOST_NODES - 1), density = 2 + random_below(4);
		uint32_t first[MOST_NODES + 1], targets[MOST_NODES * MOST_NODES], owner[MOST_NODES], edge = 0;
		struct dominators dominators;
		for (uint32_t node = 0; node < count; node++) {
			first[node] = edge;
			for (uint32_t i = random_below(density); i > 0; i--)
				targets[edge++] = random_below(count);
		}
		first[count] = edge;
		compute(&dominators, count, first, targets);
		for (uint32_t i = 0; i < MOST_NODES; i++)
			owner[i] = i > 0 && random_below(2) == 0 ? i % 10 : OWNER_NONE;
		/* one node an owner, as modules are */
		for (uint32_t i = 0; i < MOST_NODES; i++)
			for (uint32_t k = 0; k < i; k++)
				if (owner[k] == owner[i])
					owner[i] = OWNER_NONE;
		check(&dominators, owner);
		dominators_clear(&dominators);
	}
}

/* Linked both ways, each end has an owner: few passes. */
static void test_chain(void **state)
{
	(void)state;
	uint32_t *first = calloc(CHAIN + 1, sizeof *first), *targets = calloc(2 * CHAIN + 2, sizeof *targets), edge = 0;
	uint32_t *owner = malloc((CHAIN + 1) * sizeof *owner);
	struct dominators dominators;
	struct owner_sets sets;
	struct error error = { .status = OK };
	for (uint32_t node = 0; node < CHAIN; node++) {
		owner[node] = OWNER_NONE;
		first[node] = edge;
		if (node == 0)
			targets[edge++] = CHAIN - 1; /* the start refers to both ends */
		if (node > 1)
			targets[edge++] = node - 1;
		if (node + 1 < CHAIN)
			targets[edge++] = node + 1;
	}
	first[CHAIN] = edge;
	compute(&dominators, CHAIN, first, targets);
	owner[dominators.number[1]] = 0;
	owner[dominators.number[CHAIN - 1]] = 1;
	assert_int_equal(owner_sets_open(&sets, &dominators, owner, NULL, &error), OK);
	for (uint32_t node = 2; node + 1 < CHAIN; node++)
		assert_int_equal(sets.sets[sets.set[dominators.number[node]]].count, 2);
	owner_sets_close(&sets);
	dominators_clear(&dominators);
	free(first);
	free(targets);
	free(owner);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_graphs),
		cmocka_unit_test(test_chain),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
