/* SPDX-License-Identifier: MIT */
#include "analysis/components.h"

#include <string.h>

/* A node that is being gone through. */
struct call {
	uint32_t node;
	uint32_t next; /* the edge to look at when its turn comes again */
	uint32_t order; /* when it was met, among the nodes that have no component yet */
};

/* Tarjan, Depth-first search and linear graph algorithms, 1972, with one number for each node as of Pearce, A
 * space-efficient algorithm for finding strongly connected components, 2016; the stack of calls is an array, and memory
 * of it is touched as deep as the graph is. While a node has no component, its number is the earliest node that it is
 * known to reach, by order, from 1; then UINT32_MAX less the component, which is more than any order: these go back
 * by as many as have one. */
struct search {
	const struct edge_rows *edges;
	struct components *components;
	uint32_t *numbers; /* components->of meanwhile; 0: not met */
	struct call *calls;
	uint32_t *open; /* nodes without a component that are gone through, but reach an earlier one */
	uint32_t call_count, open_count, order;
};

static void enter(struct search *search, uint32_t node)
{
	search->calls[search->call_count++] =
	        (struct call){ .node = node, .next = search->edges->first[node], .order = search->order };
	search->numbers[node] = search->order++;
}

static void reach(struct search *search, uint32_t node, uint32_t target)
{
	if (search->numbers[target] < search->numbers[node])
		search->numbers[node] = search->numbers[target];
}

/* All edges of the last node were followed. */
static void leave(struct search *search)
{
	const struct call *call = &search->calls[--search->call_count];
	const uint32_t node = call->node, number = search->numbers[node];
	if (number != call->order) {
		search->open[search->open_count++] = node;
	} else {
		const uint32_t component = UINT32_MAX - search->components->count++;
		search->order--;
		while (search->open_count > 0 && search->numbers[search->open[search->open_count - 1]] >= number) {
			search->numbers[search->open[--search->open_count]] = component;
			search->order--;
		}
		search->numbers[node] = component;
	}
	if (search->call_count > 0)
		reach(search, search->calls[search->call_count - 1].node, node);
}

static int search_from(struct search *search, uint32_t start, const struct progress *progress, uint64_t *steps)
{
	enter(search, start);
	while (search->call_count > 0) {
		TRY(progress_look(progress, steps));
		struct call *call = &search->calls[search->call_count - 1];
		if (call->next == search->edges->first[call->node + 1]) {
			leave(search);
			continue;
		}
		const uint32_t target = search->edges->targets[call->next++];
		if (search->numbers[target] == 0)
			enter(search, target);
		else
			reach(search, call->node, target);
	}
	return OK;
}

/* Sorts the nodes by component. */
static void list_members(struct components *components, uint32_t node_count)
{
	for (uint32_t node = 0; node < node_count; node++)
		components->first[components->of[node] + 1]++;
	for (uint32_t i = 0; i < components->count; i++)
		components->first[i + 1] += components->first[i];
	for (uint32_t node = 0; node < node_count; node++)
		components->nodes[components->first[components->of[node]]++] = node;
	for (uint32_t i = components->count; i > 0; i--)
		components->first[i] = components->first[i - 1];
	components->first[0] = 0;
}

int components_find(struct components *ret_components, const struct edge_rows *edges, const struct progress *progress,
                    struct error *error)
{
	const uint32_t count = edges->node_count;
	const size_t size = (size_t)count + 2;
	*ret_components = (struct components){ .of = calloc(size, sizeof(uint32_t)),
		                               .first = calloc(size, sizeof(uint32_t)),
		                               .nodes = malloc(size * sizeof(uint32_t)) };
	struct search search = { .edges = edges,
		                 .components = ret_components,
		                 .numbers = ret_components->of,
		                 .calls = malloc(size * sizeof *search.calls),
		                 .open = malloc(size * sizeof *search.open),
		                 .order = 1 };
	uint64_t steps = 0;
	int status = OK;
	if (ret_components->of == NULL || ret_components->first == NULL || ret_components->nodes == NULL ||
	    search.calls == NULL || search.open == NULL)
		status = error_set(error, ERROR_NO_MEMORY, "out of memory for the cycles of the heap");
	for (uint32_t node = 0; status == OK && node < count; node++)
		if (search.numbers[node] == 0 && search_from(&search, node, progress, &steps) < 0)
			status = progress_cancelled(error);
	free(search.calls);
	free(search.open);
	if (status != OK) {
		components_clear(ret_components);
		return status;
	}
	for (uint32_t node = 0; node < count; node++)
		ret_components->of[node] = UINT32_MAX - ret_components->of[node];
	list_members(ret_components, count);
	return OK;
}

void components_clear(struct components *components)
{
	free(components->of);
	free(components->first);
	free(components->nodes);
	*components = (struct components){ .count = 0 };
}

bool cycle_search_open(struct cycle_search *search, const struct edge_rows *edges, const struct components *components)
{
	const size_t size = (size_t)edges->node_count + 1;
	*search = (struct cycle_search){ .edges = edges,
		                         .components = components,
		                         .previous = malloc(size * sizeof(uint32_t)),
		                         .queue = malloc(size * sizeof(uint32_t)) };
	if (search->previous == NULL || search->queue == NULL) {
		cycle_search_close(search);
		return false;
	}
	memset(search->previous, 0xff, size * sizeof *search->previous);
	return true;
}

void cycle_search_close(struct cycle_search *search)
{
	free(search->previous);
	free(search->queue);
	search->previous = search->queue = NULL;
}

/* Goes back from the node that closes the cycle. */
static uint32_t write_cycle(const struct cycle_search *search, uint32_t start, uint32_t last, uint32_t *nodes,
                            uint32_t most)
{
	uint32_t length = 1;
	for (uint32_t node = last; node != start; node = search->previous[node])
		length++;
	uint32_t place = length;
	for (uint32_t node = last;; node = search->previous[node]) {
		if (--place < most)
			nodes[place] = node;
		if (node == start)
			return length;
	}
}

uint32_t cycle_search_from(struct cycle_search *search, uint32_t start, uint32_t *nodes, uint32_t most)
{
	const struct edge_rows *edges = search->edges;
	const uint32_t component = search->components->of[start];
	uint32_t head = 0, tail = 0, length = 0;
	search->queue[tail++] = start;
	search->previous[start] = start;
	while (head < tail && length == 0) {
		const uint32_t node = search->queue[head++];
		for (uint32_t edge = edges->first[node]; edge < edges->first[node + 1] && length == 0; edge++) {
			const uint32_t target = edges->targets[edge];
			if (target == start)
				length = write_cycle(search, start, node, nodes, most);
			if (search->components->of[target] != component || search->previous[target] != UINT32_MAX)
				continue;
			search->previous[target] = node;
			search->queue[tail++] = target;
		}
	}
	for (uint32_t i = 0; i < tail; i++)
		search->previous[search->queue[i]] = UINT32_MAX;
	return length;
}
