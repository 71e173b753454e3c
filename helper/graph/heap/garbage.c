/* SPDX-License-Identifier: MIT */
#include "graph/heap/garbage.h"

#include <stdlib.h>
#include <string.h>

#include "allocator/tracked_objects.h"
#include "graph/heap/block_references.h"
#include "object/type_flags.h"

struct finder {
	struct garbage *garbage;
	const struct heap_graph *graph;
	struct decoder *decoder;
	struct progress *progress;
	struct error *error;
	uint32_t *targets; /* edges.targets */
	uint64_t edge_count, edge_capacity;
	uint8_t *is_seen; /* of an edge: the collector sees it */
	uint64_t done;
};

static int no_memory(const struct finder *finder)
{
	return error_set(finder->error, ERROR_NO_MEMORY, "out of memory for the garbage of the heap");
}

bool garbage_is_visited(const struct type_info *type, const struct run *run)
{
	/* Since 3.13 the instance visits the values that its dict has from it (Objects/dictobject.c dict_traverse). */
	if (type->tp_flags & TPFLAGS_DICT_SUBCLASS && run->flags & RUN_ITEM)
		return true;
	return !(type->flags & TYPE_NOT_TRAVERSED) && !(run->flags & RUN_HIDDEN);
}

static int list_nodes(struct finder *finder, const uint32_t *number)
{
	struct garbage *garbage = finder->garbage;
	const uint32_t objects = finder->graph->index.count;
	garbage->place = malloc(((size_t)objects + 1) * sizeof *garbage->place);
	if (garbage->place == NULL)
		return no_memory(finder);
	for (uint32_t node = 0; node < objects; node++)
		garbage->place[node] = number[node] == UINT32_MAX ? garbage->count++ : UINT32_MAX;
	const size_t size = (size_t)garbage->count + 1;
	garbage->nodes = malloc(size * sizeof *garbage->nodes);
	garbage->edges.first = calloc(size + 1, sizeof *garbage->edges.first);
	garbage->generation = malloc(size);
	garbage->kind = calloc(size, 1);
	if (garbage->nodes == NULL || garbage->edges.first == NULL || garbage->generation == NULL ||
	    garbage->kind == NULL)
		return no_memory(finder);
	memset(garbage->generation, GARBAGE_UNTRACKED, size);
	for (uint32_t node = 0; node < objects; node++)
		if (garbage->place[node] != UINT32_MAX)
			garbage->nodes[garbage->place[node]] = node;
	return OK;
}

static int find_generations(struct finder *finder)
{
	struct garbage *garbage = finder->garbage;
	struct tracked_objects tracked;
	int32_t generation;
	uint64_t steps = 0;
	int status = tracked_objects_open(&tracked, finder->decoder->context->runtime, finder->error);
	for (uint64_t object; status == OK && (object = tracked_objects_next(&tracked, &generation)) != 0;) {
		status = progress_look(finder->progress, &steps);
		const uint32_t node = object_index_find(&finder->graph->index, object);
		const uint32_t place = node != UINT32_MAX ? garbage->place[node] : UINT32_MAX;
		if (place == UINT32_MAX)
			continue;
		garbage->generation[place] = (int8_t)generation;
		garbage->frozen += generation == GC_GENERATIONS - 1;
	}
	tracked_objects_close(&tracked);
	return status == ERROR_CANCELLED ? progress_cancelled(finder->error) : status;
}

static bool reserve_edges(struct finder *finder, uint64_t more)
{
	if (finder->edge_count + more <= finder->edge_capacity)
		return true;
	const uint64_t capacity = finder->edge_capacity + finder->edge_capacity / 2 + more + 1024;
	uint32_t *targets = realloc(finder->targets, capacity * sizeof *targets);
	if (targets == NULL)
		return false;
	finder->targets = targets;
	uint8_t *is_seen = realloc(finder->is_seen, capacity);
	if (is_seen == NULL)
		return false;
	finder->is_seen = is_seen;
	finder->edge_capacity = capacity;
	return true;
}

static bool write_run(struct finder *finder, const struct run *run, bool is_visited)
{
	for (uint64_t slot = 0; slot < run->count; slot++) {
		const uint64_t target = run_target(run, slot);
		const uint32_t node = target != 0 ? object_index_find(&finder->graph->index, target) : UINT32_MAX;
		const uint32_t place = node != UINT32_MAX ? finder->garbage->place[node] : UINT32_MAX;
		if (place == UINT32_MAX)
			continue;
		if (!reserve_edges(finder, 1))
			return false;
		finder->is_seen[finder->edge_count] = is_visited;
		finder->targets[finder->edge_count++] = place;
	}
	return true;
}

/* What memory of C code holds that hangs on it: a type that has the collector look there has it look at all. */
static bool write_block_references(struct finder *finder, uint32_t node, bool is_seen)
{
	const block_reference_array *references = &finder->graph->block_references;
	struct run run;
	for (size_t i = block_references_of(finder->graph, node); i < references->count; i++) {
		if (references->items[i].owner != node)
			break;
		if (block_reference_run(&references->items[i], &finder->decoder->reader, &run) &&
		    !write_run(finder, &run, is_seen && garbage_is_visited(finder->decoder->out.type, &run)))
			return false;
	}
	return true;
}

static int write_edges(struct finder *finder)
{
	struct garbage *garbage = finder->garbage;
	struct decoder *decoder = finder->decoder;
	if (!reserve_edges(finder, 1))
		return no_memory(finder);
	for (uint32_t place = 0; place < garbage->count; place++) {
		garbage->edges.first[place] = (uint32_t)finder->edge_count;
		if (progress_step(finder->progress, &finder->done) != OK)
			return progress_cancelled(finder->error);
		if (!decode_object(decoder, object_index_address(&finder->graph->index, garbage->nodes[place])))
			continue;
		/* The permanent generation is not looked at in a collection. */
		const int8_t generation = garbage->generation[place];
		const bool is_seen = generation != GARBAGE_UNTRACKED && generation < GC_GENERATIONS - 1;
		for (size_t i = 0; i < decoder->out.runs.count; i++) {
			const struct run *run = &decoder->out.runs.items[i];
			if (!write_run(finder, run, is_seen && garbage_is_visited(decoder->out.type, run)))
				return no_memory(finder);
		}
		if (!write_block_references(finder, garbage->nodes[place], is_seen))
			return no_memory(finder);
		if (finder->edge_count > UINT32_MAX - (1u << 24))
			return error_set(finder->error, ERROR_LIMIT, "more than 4 billion references");
	}
	garbage->edges.first[garbage->count] = (uint32_t)finder->edge_count;
	garbage->edges.node_count = garbage->count;
	garbage->edges.targets = finder->targets;
	finder->targets = NULL;
	return OK;
}

/* Components from those that no other refers to downwards: one is stuck where a reference within it is not seen, or
 * where a stuck one refers to it. What is no cycle goes when all that refers to it is gone. */
static int find_stuck(struct finder *finder)
{
	struct garbage *garbage = finder->garbage;
	const struct edge_rows *edges = &garbage->edges;
	struct components *components = &garbage->components;
	uint64_t steps = 0;
	TRY(components_find(components, edges, finder->progress, finder->error));
	uint8_t *is_stuck = calloc((size_t)components->count + 1, 1);
	if (is_stuck == NULL)
		return no_memory(finder);
	int status = OK;
	for (uint32_t component = components->count; status == OK && component-- > 0;) {
		const uint32_t begin = components->first[component], end = components->first[component + 1];
		for (uint32_t i = begin; i < end; i++)
			for (uint32_t edge = edges->first[components->nodes[i]];
			     edge < edges->first[components->nodes[i] + 1]; edge++)
				if (!finder->is_seen[edge] && components->of[edges->targets[edge]] == component)
					is_stuck[component] = true;
		for (uint32_t i = begin; is_stuck[component] && i < end; i++) {
			const uint32_t place = components->nodes[i];
			garbage->kind[place] = GARBAGE_STUCK;
			for (uint32_t edge = edges->first[place]; edge < edges->first[place + 1]; edge++)
				is_stuck[components->of[edges->targets[edge]]] = true;
		}
		if (progress_look(finder->progress, &steps) != OK)
			status = progress_cancelled(finder->error);
	}
	free(is_stuck);
	return status;
}

int garbage_open(struct garbage *ret_garbage, const struct heap_graph *graph, const uint32_t *number,
                 struct decoder *decoder, struct progress *progress, struct error *error)
{
	*ret_garbage = (struct garbage){ .count = 0 };
	struct finder finder = {
		.garbage = ret_garbage, .graph = graph, .decoder = decoder, .progress = progress, .error = error
	};
	const bool skip_blocks = decoder->skip_blocks;
	decoder->skip_blocks = true;
	int status = list_nodes(&finder, number);
	if (status == OK)
		status = find_generations(&finder);
	if (status == OK)
		status = write_edges(&finder);
	if (status == OK)
		status = find_stuck(&finder);
	decoder->skip_blocks = skip_blocks;
	free(finder.is_seen);
	free(finder.targets);
	return status;
}

void garbage_close(struct garbage *garbage)
{
	free(garbage->nodes);
	edge_rows_free(&garbage->edges);
	free(garbage->generation);
	free(garbage->kind);
	components_clear(&garbage->components);
	free(garbage->place);
	*garbage = (struct garbage){ .count = 0 };
}
