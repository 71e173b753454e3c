/* SPDX-License-Identifier: MIT */
#include "analysis/components.h"

#include <string.h>

/* Tarjan, Depth-first search and linear graph algorithms, 1972; the stack of calls is an array. */
struct tarjan {
	const struct edge_rows *edges;
	struct components *components;
	uint32_t *order; /* of a node: when it was met, from 1; 0: not yet */
	uint32_t *low; /* the earliest node that is known to be reached, by order */
	uint32_t *next; /* the edge to look at when the node's turn comes again */
	uint32_t *calls, call_count; /* nodes that are being gone through */
	uint32_t *open, open_count; /* nodes that have no component yet */
	uint32_t met;
};

static void enter(struct tarjan *tarjan, uint32_t node)
{
	tarjan->order[node] = tarjan->low[node] = ++tarjan->met;
	tarjan->next[node] = tarjan->edges->first[node];
	tarjan->calls[tarjan->call_count++] = node;
	tarjan->open[tarjan->open_count++] = node;
}

/* All edges of the node were followed. */
static void leave(struct tarjan *tarjan, uint32_t node)
{
	struct components *components = tarjan->components;
	tarjan->call_count--;
	if (tarjan->call_count > 0) {
		const uint32_t caller = tarjan->calls[tarjan->call_count - 1];
		if (tarjan->low[node] < tarjan->low[caller])
			tarjan->low[caller] = tarjan->low[node];
	}
	if (tarjan->low[node] != tarjan->order[node])
		return;
	uint32_t member;
	do {
		member = tarjan->open[--tarjan->open_count];
		components->of[member] = components->count;
	} while (member != node);
	components->count++;
}

static int search_from(struct tarjan *tarjan, uint32_t start, const struct progress *progress, uint64_t *steps)
{
	enter(tarjan, start);
	while (tarjan->call_count > 0) {
		TRY(progress_look(progress, steps));
		const uint32_t node = tarjan->calls[tarjan->call_count - 1];
		if (tarjan->next[node] == tarjan->edges->first[node + 1]) {
			leave(tarjan, node);
			continue;
		}
		const uint32_t target = tarjan->edges->targets[tarjan->next[node]++];
		if (tarjan->order[target] == 0)
			enter(tarjan, target);
		else if (tarjan->components->of[target] == UINT32_MAX && tarjan->order[target] < tarjan->low[node])
			tarjan->low[node] = tarjan->order[target];
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
	*ret_components = (struct components){ .of = malloc(size * sizeof(uint32_t)),
		                               .first = calloc(size, sizeof(uint32_t)),
		                               .nodes = malloc(size * sizeof(uint32_t)) };
	uint32_t *work = malloc(5 * size * sizeof *work);
	if (ret_components->of == NULL || ret_components->first == NULL || ret_components->nodes == NULL ||
	    work == NULL) {
		free(work);
		components_clear(ret_components);
		return error_set(error, ERROR_NO_MEMORY, "out of memory for the cycles of the heap");
	}
	struct tarjan tarjan = { .edges = edges,
		                 .components = ret_components,
		                 .order = work,
		                 .low = work + size,
		                 .next = work + 2 * size,
		                 .calls = work + 3 * size,
		                 .open = work + 4 * size };
	memset(tarjan.order, 0, size * sizeof *tarjan.order);
	memset(ret_components->of, 0xff, size * sizeof *ret_components->of);
	uint64_t steps = 0;
	int status = OK;
	for (uint32_t node = 0; status == OK && node < count; node++)
		if (tarjan.order[node] == 0)
			status = search_from(&tarjan, node, progress, &steps);
	free(work);
	if (status != OK) {
		components_clear(ret_components);
		return progress_cancelled(error);
	}
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
