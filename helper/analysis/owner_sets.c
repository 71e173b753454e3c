/* SPDX-License-Identifier: MIT
 * A data-flow problem as that of analysis/groups.c, with unions: the sets only grow, so that the first state that stays
 * is the exact one. Numbers are gone through upwards and downwards in turns: a chain that is linked both ways, as
 * OrderedDicts are, would take a pass for each of its links in one direction. */
#include "analysis/owner_sets.h"

#include <stdbool.h>
#include <string.h>

#include "base/address_map.h"
#include "base/array.h"
#include "base/limits.h"

#define SET_NOTHING UINT32_MAX /* not reached yet */

enum { FIRST_SET = OWNER_SET_MANY + 1 };

struct solver {
	const struct dominators *dominators;
	const uint32_t *owner;
	uint32_t *set;
	ARRAY(struct owner_set) sets;
	struct address_map contents; /* a hash of the owners to the index of the set */
	struct address_map unions; /* two indices to that of their union */
	bool out_of_memory, too_many;
};

static uint64_t hash_of(const struct owner_set *set)
{
	uint64_t hash = set->count;
	for (uint32_t i = 0; i < set->count; i++)
		hash = (hash ^ set->owners[i]) * UINT64_C(0x9E3779B97F4A7C15) ^ hash >> 31;
	return hash;
}

static uint32_t intern(struct solver *solver, const struct owner_set *set)
{
	/* multiples of 16: the map takes no notice of the low bits */
	for (uint64_t key = hash_of(set) << 4 | 16;; key += 16) {
		const uint32_t known = address_map_get(&solver->contents, key);
		if (known != ADDRESS_MAP_NONE) {
			const struct owner_set *other = &solver->sets.items[known];
			if (other->count == set->count &&
			    memcmp(other->owners, set->owners, set->count * sizeof *set->owners) == 0)
				return known;
			continue;
		}
		const uint32_t index = (uint32_t)solver->sets.count;
		if (index >= LIMIT_OWNER_SETS)
			solver->too_many = true;
		else if (!array_push(&solver->sets, *set) || !address_map_set(&solver->contents, key, index))
			solver->out_of_memory = true;
		else
			return index;
		return OWNER_SET_OUTSIDE;
	}
}

static uint32_t unite_sets(struct solver *solver, const struct owner_set *left, const struct owner_set *right)
{
	struct owner_set both = { .count = 0 };
	uint32_t a = 0, b = 0;
	while (a < left->count || b < right->count) {
		const uint32_t one = a < left->count ? left->owners[a] : UINT32_MAX;
		const uint32_t other = b < right->count ? right->owners[b] : UINT32_MAX;
		if (both.count == OWNERS_TOLD)
			return OWNER_SET_MANY;
		both.owners[both.count++] = one < other ? one : other;
		a += one <= other;
		b += other <= one;
	}
	return intern(solver, &both);
}

static uint32_t unite(struct solver *solver, uint32_t left, uint32_t right)
{
	if (left == right || right == SET_NOTHING)
		return left;
	if (left == SET_NOTHING)
		return right;
	if (left < FIRST_SET || right < FIRST_SET)
		return left < right ? left : right; /* outside is above many, many above all others */
	const uint64_t key = left < right ? (uint64_t)left << 32 | right : (uint64_t)right << 32 | left;
	uint32_t known = address_map_get(&solver->unions, key << 4);
	if (known != ADDRESS_MAP_NONE)
		return known;
	const struct owner_set one = solver->sets.items[left], other = solver->sets.items[right];
	known = unite_sets(solver, &one, &other);
	if (!address_map_set(&solver->unions, key << 4, known))
		solver->out_of_memory = true;
	return known;
}

/* False: its set is what it was. */
static bool step(struct solver *solver, uint32_t number)
{
	const struct edge_rows *incoming = &solver->dominators->incoming;
	uint32_t now = solver->set[number];
	if (now == OWNER_SET_OUTSIDE || solver->owner[number] != OWNER_NONE)
		return false;
	for (uint32_t edge = incoming->first[number]; edge < incoming->first[number + 1] && now != OWNER_SET_OUTSIDE;
	     edge++)
		now = unite(solver, now, solver->set[incoming->targets[edge]]);
	const bool changed = now != solver->set[number];
	solver->set[number] = now;
	return changed;
}

static int check(const struct solver *solver, const struct progress *progress, struct error *error)
{
	if (solver->out_of_memory)
		return error_set(error, ERROR_NO_MEMORY, "out of memory for what is shared");
	if (solver->too_many)
		return error_set(error, ERROR_LIMIT, "too many different sets of owners share objects");
	return progress_check(progress, error);
}

static int solve(struct solver *solver, const struct progress *progress, struct error *error)
{
	const uint32_t count = solver->dominators->reached_count;
	bool changed = true;
	for (uint32_t pass = 0; changed; pass++) {
		if (pass == LIMIT_OWNER_PASSES)
			return error_set(error, ERROR_LIMIT, "what is shared still changed after %u looks at the heap",
			                 pass);
		changed = false;
		for (uint32_t i = 1; i < count; i++) {
			changed |= step(solver, pass % 2 == 0 ? i : count - i);
			if (i % PROGRESS_INTERVAL == 0)
				TRY(check(solver, progress, error));
		}
		TRY(check(solver, progress, error));
	}
	return OK;
}

/* Owners and the start have their sets from the beginning. */
static bool begin(struct solver *solver)
{
	const uint32_t count = solver->dominators->reached_count;
	const struct owner_set nobody = { .count = 0 };
	memset(solver->set, 0xff, ((size_t)count + 1) * sizeof *solver->set);
	if (!array_push(&solver->sets, nobody) || !array_push(&solver->sets, nobody))
		return false;
	for (uint32_t i = 0; i < count; i++) {
		if (solver->owner[i] == OWNER_NONE)
			continue;
		const struct owner_set own = { .owners = { solver->owner[i] }, .count = 1 };
		solver->set[i] = intern(solver, &own);
	}
	if (solver->owner[0] == OWNER_NONE)
		solver->set[0] = OWNER_SET_OUTSIDE;
	return true;
}

int owner_sets_open(struct owner_sets *ret_sets, const struct dominators *dominators, const uint32_t *owner,
                    const struct progress *progress, struct error *error)
{
	struct solver solver = { .dominators = dominators, .owner = owner };
	*ret_sets = (struct owner_sets){ .set_count = 0 };
	solver.set = malloc(((size_t)dominators->reached_count + 1) * sizeof *solver.set);
	int status = OK;
	if (solver.set == NULL || !begin(&solver))
		status = error_set(error, ERROR_NO_MEMORY, "out of memory for what is shared");
	if (status == OK)
		status = solve(&solver, progress, error);
	address_map_clear(&solver.contents);
	address_map_clear(&solver.unions);
	*ret_sets = (struct owner_sets){ solver.set, solver.sets.items, (uint32_t)solver.sets.count };
	if (status != OK)
		owner_sets_close(ret_sets);
	return status;
}

void owner_sets_close(struct owner_sets *sets)
{
	free(sets->set);
	free(sets->sets);
	*sets = (struct owner_sets){ .set_count = 0 };
}
