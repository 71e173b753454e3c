/* SPDX-License-Identifier: MIT
 * A data-flow problem: what retains a node is what retains all of its referrers, and the node's own group. Solved by
 * going through the nodes in reverse postorder until nothing changes; starting from "everything", the sets can only
 * shrink, and the last state is the exact one (meet over all paths, since the step distributes over intersection). */
#include "analysis/groups.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/limits.h"

#define SET_ALL UINT32_MAX /* not reached by the analysis yet */

enum { SET_EMPTY = 0, FIRST_SLOTS = 1 << 12, MOST_SLOTS = 1 << 26 };

/* Operations that were done before, by their operands; and sets by their content. Open addressing. */
struct memo {
	struct memo_slot {
		uint64_t key;
		uint32_t value; /* set + 1; 0: free */
	} * slots;
	uint32_t mask, count;
};

struct solver {
	ARRAY(uint64_t) first;
	ARRAY(uint32_t) members;
	struct memo meets, adds, contents;
	ARRAY(uint32_t) scratch;
	bool out_of_memory, too_many;
};

static uint64_t mix(uint64_t key)
{
	key *= UINT64_C(0x9E3779B97F4A7C15);
	return key ^ key >> 29;
}

static bool memo_grow(struct memo *memo)
{
	uint32_t slots = memo->slots == NULL ? FIRST_SLOTS : 2 * (memo->mask + 1);
	struct memo_slot *grown = calloc(slots, sizeof *grown);
	if (grown == NULL)
		return false;
	for (uint32_t i = 0; memo->slots != NULL && i <= memo->mask; i++) {
		if (memo->slots[i].value == 0)
			continue;
		uint64_t at = mix(memo->slots[i].key);
		while (grown[at & (slots - 1)].value != 0)
			at++;
		grown[at & (slots - 1)] = memo->slots[i];
	}
	free(memo->slots);
	memo->slots = grown;
	memo->mask = slots - 1;
	return true;
}

/* Set number under key; SET_ALL: none. */
static uint32_t memo_get(const struct memo *memo, uint64_t key)
{
	for (uint64_t at = mix(key); memo->slots != NULL; at++) {
		const struct memo_slot *slot = &memo->slots[at & memo->mask];
		if (slot->value == 0)
			break;
		if (slot->key == key)
			return slot->value - 1;
	}
	return SET_ALL;
}

/* A key may be put several times: contents with the same hash. */
static void memo_put(struct solver *solver, struct memo *memo, uint64_t key, uint32_t set)
{
	if (memo->mask >= MOST_SLOTS - 1 && memo->count >= memo->mask / 2) {
		solver->too_many = true;
		return;
	}
	if ((memo->slots == NULL || memo->count >= memo->mask / 2) && !memo_grow(memo)) {
		solver->out_of_memory = true;
		return;
	}
	uint64_t at = mix(key);
	while (memo->slots[at & memo->mask].value != 0)
		at++;
	memo->slots[at & memo->mask] = (struct memo_slot){ key, set + 1 };
	memo->count++;
}

static uint64_t set_length(const struct solver *solver, uint32_t set)
{
	return solver->first.items[set + 1] - solver->first.items[set];
}

/* The number of the set in scratch, whose members are sorted. */
static uint32_t intern(struct solver *solver)
{
	const size_t length = solver->scratch.count;
	uint64_t hash = length;
	for (size_t i = 0; i < length; i++)
		hash = mix(hash ^ solver->scratch.items[i]);
	for (uint64_t at = mix(hash); solver->contents.slots != NULL; at++) {
		const struct memo_slot *slot = &solver->contents.slots[at & solver->contents.mask];
		if (slot->value == 0)
			break;
		uint32_t set = slot->value - 1;
		if (slot->key == hash && set_length(solver, set) == length &&
		    (length == 0 || memcmp(solver->members.items + solver->first.items[set], solver->scratch.items,
		                           length * sizeof(uint32_t)) == 0))
			return set;
	}
	uint32_t set = (uint32_t)solver->first.count - 1;
	if (solver->members.count + length > LIMIT_GROUP_MEMBERS || set == SET_ALL - 1) {
		solver->too_many = true;
		return SET_EMPTY;
	}
	if (!array_reserve(&solver->members, solver->members.count + length + 1) ||
	    !array_push(&solver->first, solver->members.count + length)) {
		solver->out_of_memory = true;
		return SET_EMPTY;
	}
	if (length > 0)
		memcpy(solver->members.items + solver->members.count, solver->scratch.items, length * sizeof(uint32_t));
	solver->members.count += length;
	memo_put(solver, &solver->contents, hash, set);
	return set;
}

static uint32_t meet(struct solver *solver, uint32_t left, uint32_t right)
{
	if (left == right || right == SET_ALL)
		return left;
	if (left == SET_ALL)
		return right;
	if (left == SET_EMPTY || right == SET_EMPTY)
		return SET_EMPTY;
	uint64_t key = left < right ? (uint64_t)left << 32 | right : (uint64_t)right << 32 | left;
	uint32_t known = memo_get(&solver->meets, key);
	if (known != SET_ALL)
		return known;
	uint64_t a = solver->first.items[left], a_end = solver->first.items[left + 1];
	uint64_t b = solver->first.items[right], b_end = solver->first.items[right + 1];
	solver->scratch.count = 0;
	while (a < a_end && b < b_end) {
		uint32_t one = solver->members.items[a], other = solver->members.items[b];
		if (one == other && !array_push(&solver->scratch, one))
			solver->out_of_memory = true;
		a += one <= other;
		b += other <= one;
	}
	uint32_t set = intern(solver);
	memo_put(solver, &solver->meets, key, set);
	return set;
}

static uint32_t add(struct solver *solver, uint32_t set, uint32_t group)
{
	if (group == GROUP_NONE || set == SET_ALL)
		return set;
	uint64_t key = (uint64_t)set << 32 | group;
	uint32_t known = memo_get(&solver->adds, key);
	if (known != SET_ALL)
		return known;
	bool is_in = false;
	solver->scratch.count = 0;
	for (uint64_t i = solver->first.items[set]; i < solver->first.items[set + 1]; i++) {
		uint32_t member = solver->members.items[i];
		if (!is_in && member >= group) {
			is_in = true;
			if (member != group && !array_push(&solver->scratch, group))
				solver->out_of_memory = true;
		}
		if (!array_push(&solver->scratch, member))
			solver->out_of_memory = true;
	}
	if (!is_in && !array_push(&solver->scratch, group))
		solver->out_of_memory = true;
	uint32_t result = intern(solver);
	memo_put(solver, &solver->adds, key, result);
	return result;
}

static int no_memory(struct error *error)
{
	return error_set(error, ERROR_NO_MEMORY, "out of memory for the retained sizes of groups");
}

/* Reverse postorder of the depth-first tree whose preorder the numbers are. The parent of a node in that tree is the
 * largest of its smaller referrers (all of these are its ancestors), and postorder = preorder + size - 1 - level. */
static int reverse_postorder(const struct dominators *dominators, uint32_t *order, const struct progress *progress,
                             struct error *error)
{
	const struct edge_rows *incoming = &dominators->incoming;
	const uint32_t count = dominators->reached_count;
	uint32_t *parent = calloc((size_t)count + 1, sizeof *parent);
	uint32_t *size = calloc((size_t)count + 1, sizeof *size);
	uint32_t *level = calloc((size_t)count + 1, sizeof *level);
	uint64_t steps = 0;
	int status = parent != NULL && size != NULL && level != NULL ? OK : no_memory(error);
	for (uint32_t i = 1; status == OK && i < count; i++) {
		for (uint32_t edge = incoming->first[i]; edge < incoming->first[i + 1]; edge++) {
			uint32_t from = incoming->targets[edge];
			if (from < i && from > parent[i])
				parent[i] = from;
		}
		level[i] = level[parent[i]] + 1;
		status = progress_look(progress, &steps);
	}
	for (uint32_t i = count; status == OK && i-- > 0;) {
		size[i]++;
		if (i > 0)
			size[parent[i]] += size[i];
		order[count - (i + size[i] - level[i])] = i;
		status = progress_look(progress, &steps);
	}
	free(parent);
	free(size);
	free(level);
	return status == ERROR_CANCELLED ? progress_cancelled(error) : status;
}

static int check(const struct solver *solver, const struct progress *progress, struct error *error)
{
	if (solver->out_of_memory)
		return no_memory(error);
	if (solver->too_many)
		return error_set(error, ERROR_LIMIT, "too many different sets of groups retain objects");
	return progress_check(progress, error);
}

/* By number: its group, and the set of groups that every way to it passes; and the order in which to go through them.
 */
struct numbers {
	const uint32_t *group;
	uint32_t *set, *order;
};

static int solve(struct solver *solver, const struct dominators *dominators, const struct numbers *numbers,
                 const struct progress *progress, struct error *error)
{
	const uint32_t *group = numbers->group, *order = numbers->order;
	uint32_t *set = numbers->set;
	const struct edge_rows *incoming = &dominators->incoming;
	const uint32_t count = dominators->reached_count;
	set[0] = add(solver, SET_EMPTY, group[0]);
	for (bool changed = true; changed;) {
		changed = false;
		for (uint32_t k = 1; k < count; k++) {
			uint32_t i = order[k], now = SET_ALL;
			for (uint32_t edge = incoming->first[i]; edge < incoming->first[i + 1] && now != SET_EMPTY;
			     edge++)
				now = meet(solver, now, set[incoming->targets[edge]]);
			now = add(solver, now, group[i]);
			changed |= now != set[i];
			set[i] = now;
			if (k % PROGRESS_INTERVAL == 0)
				TRY(check(solver, progress, error));
		}
		TRY(check(solver, progress, error));
	}
	return OK;
}

int groups_open(struct groups *ret_groups, const struct dominators *dominators, const uint32_t *group,
                const struct progress *progress, struct error *error)
{
	const uint32_t count = dominators->reached_count;
	struct solver solver = { .out_of_memory = false };
	uint32_t *set = malloc(((size_t)count + 1) * sizeof *set);
	uint32_t *order = malloc(((size_t)count + 1) * sizeof *order);
	int status = set == NULL || order == NULL || !array_push(&solver.first, 0)
	                     ? no_memory(error)
	                     : reverse_postorder(dominators, order, progress, error);
	if (status == OK) {
		memset(set, 0xff, ((size_t)count + 1) * sizeof *set);
		(void)intern(&solver); /* the empty set is number 0 */
		const struct numbers numbers = { group, set, order };
		status = solve(&solver, dominators, &numbers, progress, error);
	}
	free(order);
	free(solver.meets.slots);
	free(solver.adds.slots);
	free(solver.contents.slots);
	array_free(&solver.scratch);
	*ret_groups = (struct groups){ set, solver.first.items, solver.members.items,
		                       solver.first.count > 0 ? (uint32_t)solver.first.count - 1 : 0 };
	if (status < 0)
		groups_close(ret_groups);
	return status;
}

void groups_close(struct groups *groups)
{
	free(groups->set);
	free(groups->first);
	free(groups->members);
	*groups = (struct groups){ .set_count = 0 };
}
