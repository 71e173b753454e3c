/* SPDX-License-Identifier: MIT */
#include "query/garbage/garbage_tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/large_block.h"

enum { MEMBERS_COMPARED = 64 }; /* of a component, for the one that stands for it */

static int no_memory(const struct query *query)
{
	return query_no_memory(query, "the dominator tree of the garbage");
}

int garbage_dominators(const struct query *query, struct garbage *garbage, const uint32_t *starts, uint32_t start_count,
                       struct dominators *ret_dominators)
{
	struct edge_rows *edges = &garbage->edges;
	const uint32_t count = garbage->count;
	*ret_dominators = (struct dominators){ .node_count = 0 };
	uint32_t *targets = realloc(edges->targets, ((size_t)edges->first[count] + start_count + 1) * sizeof *targets);
	if (targets == NULL)
		return no_memory(query);
	if (start_count > 0)
		memcpy(targets + edges->first[count], starts, start_count * sizeof *starts);
	edges->first[count + 1] = edges->first[count] + start_count; /* garbage_open() made room for it */
	struct edge_rows all = { count + 1, edges->first, targets };
	*edges = (struct edge_rows){ .node_count = 0 };
	return dominators_compute(ret_dominators, &all, count, query->progress, query->error);
}

/* ---- As a heap ---- */

typedef ARRAY(uint32_t) place_array;

/* Of a component the member that a person would call its owner: an instance of a class rather than its dict. */
static uint32_t find_owner(const struct query *query, const struct heap_graph *graph, const struct garbage *garbage,
                           uint32_t component)
{
	const uint32_t begin = garbage->components.first[component], end = garbage->components.first[component + 1];
	for (uint32_t i = begin; i < end && i < begin + MEMBERS_COMPARED; i++) {
		const uint32_t place = garbage->components.nodes[i];
		const struct type_info *type =
		        query_type(query, object_index_address(&graph->index, garbage->nodes[place]));
		if (type != NULL && (type->flags & TYPE_IS_HEAP) != 0 && (type->flags & TYPE_IS_METATYPE) == 0)
			return place;
	}
	return garbage->components.nodes[begin];
}

/* One place of each component that no other one refers to. */
static int find_starts(const struct query *query, const struct heap_graph *graph, const struct garbage *garbage,
                       place_array *starts)
{
	const struct components *components = &garbage->components;
	const struct edge_rows *edges = &garbage->edges;
	uint8_t *is_below = calloc((size_t)components->count + 1, 1);
	uint64_t steps = 0;
	int status = is_below != NULL ? OK : no_memory(query);
	for (uint32_t place = 0; status == OK && place < garbage->count; place++)
		for (uint32_t edge = edges->first[place]; edge < edges->first[place + 1]; edge++)
			if (components->of[edges->targets[edge]] != components->of[place])
				is_below[components->of[edges->targets[edge]]] = 1;
	for (uint32_t i = 0; status == OK && i < components->count; i++) {
		if (progress_look(query->progress, &steps) != OK)
			status = query_cancelled(query);
		else if (!is_below[i] && !array_push(starts, find_owner(query, graph, garbage, i)))
			status = no_memory(query);
	}
	free(is_below);
	return status;
}

/* Places become nodes of the heap's graph. */
static int renumber(const struct query *query, const struct heap_graph *graph, const struct garbage *garbage,
                    struct dominators *dominators)
{
	uint32_t *number = large_allocate((uint64_t)graph->node_count + 2, sizeof *number);
	if (number == NULL)
		return no_memory(query);
	memset(number, 0xff, ((size_t)graph->node_count + 2) * sizeof *number);
	for (uint32_t i = 0; i < dominators->reached_count; i++) {
		const uint32_t place = dominators->node[i];
		const uint32_t node = place < garbage->count ? garbage->nodes[place] : graph->node_process;
		dominators->node[i] = node;
		number[node] = i;
	}
	large_free(dominators->number);
	dominators->number = number;
	dominators->node_count = graph->node_count;
	return OK;
}

static int sum_bytes(const struct query *query, struct retained *tree)
{
	const struct dominators *dominators = &tree->dominators;
	tree->measure = query->measure;
	tree->bytes = large_allocate_zero((uint64_t)dominators->reached_count + 1, sizeof *tree->bytes);
	if (tree->bytes == NULL)
		return no_memory(query);
	for (uint32_t i = 1; i < dominators->reached_count; i++) {
		tree->bytes[i] = heap_graph_bytes(tree->graph, dominators->node[i], query->measure);
		tree->total += tree->bytes[i];
		tree->object_count++;
	}
	if (dominators_sum(dominators, tree->bytes, query->progress) < 0)
		return query_cancelled(query);
	tree->is_summed = true;
	return dominators_children(&tree->dominators, &tree->children, query->progress, query->error);
}

static int make_tree(const struct query *query, const struct retained *heap, struct garbage *garbage,
                     struct retained *tree)
{
	place_array starts = { .items = NULL };
	tree->graph = heap->graph;
	TRY(garbage_open(garbage, heap->graph, heap->dominators.number, &query->target->decoder, query->progress,
	                 query->error));
	int status = find_starts(query, heap->graph, garbage, &starts);
	if (status == OK)
		status = garbage_dominators(query, garbage, starts.items, (uint32_t)starts.count, &tree->dominators);
	array_free(&starts);
	if (status == OK)
		status = renumber(query, heap->graph, garbage, &tree->dominators);
	return status == OK ? sum_bytes(query, tree) : status;
}

int garbage_tree_open(const struct query *query, const struct retained *heap, struct retained **ret_tree)
{
	struct garbage garbage;
	struct retained *tree = calloc(1, sizeof *tree);
	*ret_tree = NULL;
	if (tree == NULL)
		return no_memory(query);
	int status = make_tree(query, heap, &garbage, tree);
	garbage_close(&garbage);
	if (status != OK)
		retained_close(tree);
	else
		*ret_tree = tree;
	return status;
}
