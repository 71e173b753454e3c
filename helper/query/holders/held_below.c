/* SPDX-License-Identifier: MIT */
#include "query/holders/held_below.h"

#include <stdlib.h>

enum {
	CLIMB_STEPS =
	        1 << 18, /* up the dominator tree, before it is taken for likely that something is below the top */
	REFUTE_ROUNDS = 16,
};

enum mark { MARK_NONE, MARK_TOP, MARK_POSSIBLE, MARK_ACCEPTED };

struct finder {
	const struct query *query;
	const struct retained *heap;
	uint32_t top, c_holder; /* numbers */
	uint8_t *marks; /* by number: of the top and of objects that are held from C */
	uint32_t *owner; /* by number: the nearest marked one that dominates it; 0: none does */
	uint64_t steps;
};

static int no_memory(const struct finder *finder)
{
	return query_no_memory(finder->query, "what C code holds");
}

/* A dominator has a smaller number than what it dominates. */
static int find_owners(struct finder *finder)
{
	const struct dominators *dominators = &finder->heap->dominators;
	for (uint32_t number = 1; number < dominators->reached_count; number++) {
		finder->owner[number] =
		        finder->marks[number] != MARK_NONE ? number : finder->owner[dominators->idom[number]];
		if (progress_look(finder->query->progress, &finder->steps) != OK)
			return query_cancelled(finder->query);
	}
	return OK;
}

static bool is_refuted(const struct finder *finder, uint32_t number)
{
	const struct edge_rows *incoming = &finder->heap->dominators.incoming;
	for (uint32_t edge = incoming->first[number]; edge < incoming->first[number + 1]; edge++) {
		const uint32_t from = incoming->targets[edge];
		if (from != finder->c_holder && finder->marks[finder->owner[from]] == MARK_NONE)
			return true;
	}
	return false;
}

static bool is_referred_to(const struct finder *finder, uint32_t number)
{
	const struct edge_rows *incoming = &finder->heap->dominators.incoming;
	for (uint32_t edge = incoming->first[number]; edge < incoming->first[number + 1]; edge++) {
		const uint8_t mark = finder->marks[finder->owner[incoming->targets[edge]]];
		if (mark == MARK_TOP || mark == MARK_ACCEPTED)
			return true;
	}
	return false;
}

/* One round over the objects held from C; how many changed their mark. */
static uint32_t change_marks(struct finder *finder, bool refutes)
{
	const struct heap_graph *graph = finder->heap->graph;
	uint32_t changed = 0;
	for (size_t i = 0; i < graph->from_c.count; i++) {
		const uint32_t number = finder->heap->dominators.number[graph->from_c.items[i].node];
		if (number == UINT32_MAX || finder->marks[number] != MARK_POSSIBLE)
			continue;
		if (refutes ? !is_refuted(finder, number) : !is_referred_to(finder, number))
			continue;
		finder->marks[number] = refutes ? MARK_NONE : MARK_ACCEPTED;
		changed++;
	}
	return changed;
}

static void sum(const struct finder *finder, struct held_below *ret_below)
{
	const struct dominators *dominators = &finder->heap->dominators;
	const struct heap_graph *graph = finder->heap->graph;
	for (size_t i = 0; i < graph->from_c.count; i++) {
		const uint32_t number = dominators->number[graph->from_c.items[i].node];
		if (number == UINT32_MAX || finder->marks[number] != MARK_ACCEPTED ||
		    finder->owner[dominators->idom[number]] == finder->top)
			continue;
		ret_below->count++;
		if (finder->marks[finder->owner[dominators->idom[number]]] != MARK_ACCEPTED)
			ret_below->bytes += finder->heap->bytes[number];
	}
}

/* Whether anything below the top may refer to an object that is held from C: mostly nothing does. */
static bool may_refer(const struct finder *finder)
{
	const struct dominators *dominators = &finder->heap->dominators;
	const struct heap_graph *graph = finder->heap->graph;
	uint32_t steps = 0;
	for (size_t i = 0; i < graph->from_c.count; i++) {
		const uint32_t number = dominators->number[graph->from_c.items[i].node];
		const uint32_t begin = number != UINT32_MAX ? dominators->incoming.first[number] : 0;
		const uint32_t end = number != UINT32_MAX ? dominators->incoming.first[number + 1] : 0;
		for (uint32_t edge = begin; edge < end; edge++) {
			uint32_t from = dominators->incoming.targets[edge];
			while (from > finder->top && steps++ < CLIMB_STEPS)
				from = dominators->idom[from];
			if (from == finder->top || steps >= CLIMB_STEPS)
				return true;
		}
	}
	return false;
}

static int find(struct finder *finder, struct held_below *ret_below)
{
	const struct heap_graph *graph = finder->heap->graph;
	for (size_t i = 0; i < graph->from_c.count; i++) {
		const uint32_t number = finder->heap->dominators.number[graph->from_c.items[i].node];
		if (number != UINT32_MAX)
			finder->marks[number] = MARK_POSSIBLE;
	}
	finder->marks[finder->top] = MARK_TOP;
	/* Optimists first: whoever has another referrer is out, with those that only it refers to. */
	TRY(find_owners(finder));
	for (int round = 0; change_marks(finder, true) > 0; round++) {
		if (round == REFUTE_ROUNDS)
			return OK; /* entangled: nothing is claimed */
		TRY(find_owners(finder));
	}
	while (change_marks(finder, false) > 0)
		if (query_is_cancelled(finder->query))
			return query_cancelled(finder->query);
	sum(finder, ret_below);
	return OK;
}

int query_held_below(const struct query *query, const struct retained *heap, uint32_t number,
                     struct held_below *ret_below)
{
	const size_t count = (size_t)heap->dominators.reached_count + 1;
	*ret_below = (struct held_below){ .count = 0 };
	if (heap->graph->from_c.count == 0 || number == 0)
		return OK;
	struct finder finder = { .query = query,
		                 .heap = heap,
		                 .top = number,
		                 .c_holder = retained_holder_number(heap, heap->graph->roots.c_holder) };
	if (!may_refer(&finder))
		return OK;
	finder.marks = calloc(count, 1);
	finder.owner = calloc(count, sizeof *finder.owner);
	int status = finder.marks != NULL && finder.owner != NULL ? find(&finder, ret_below) : no_memory(&finder);
	free(finder.marks);
	free(finder.owner);
	return status;
}
