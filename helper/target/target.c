/* SPDX-License-Identifier: MIT */
#include "target/target.h"

#include <stdlib.h>

#include "base/page_pool.h"

int target_open(struct target **ret_target, struct address_space *space, const struct runtime_options *options,
                struct error *error)
{
	*ret_target = NULL;
	struct target *target = calloc(1, sizeof *target);
	if (target == NULL) {
		address_space_close(space);
		return error_set(error, ERROR_NO_MEMORY, "out of memory for a target");
	}
	target->space = space;
	int status = runtime_open(&target->runtime, space, options, error);
	if (status >= 0)
		status = decode_context_open(&target->context, target->runtime, error);
	if (status < 0) {
		target_close(target);
		return status;
	}
	decoder_init(&target->decoder, target->context);
	decoder_init(&target->naming, target->context);
	*ret_target = target;
	return OK;
}

static void forget_blocks(struct target *target)
{
	if (target->blocks != NULL)
		python_blocks_clear(target->blocks);
	free(target->blocks);
	target->blocks = NULL;
}

void target_forget(struct target *target)
{
	retained_close(target->heap);
	heap_graph_close(target->graph);
	native_graph_close(target->native);
	byte_counts_close(&target->native_retained);
	memory_map_close(target->memory);
	forget_blocks(target);
	target->heap = NULL;
	target->graph = NULL;
	target->native = NULL;
	target->memory = NULL;
	target->has_noted_pools = target->notes_blocks = false;
}

void target_close(struct target *target)
{
	if (target == NULL)
		return;
	target_forget(target);
	walk_close(target->walk);
	if (target->context != NULL) {
		decoder_clear(&target->naming);
		decoder_clear(&target->decoder);
	}
	decode_context_close(target->context);
	runtime_close(target->runtime);
	address_space_close(target->space);
	free(target);
}

int target_walk(struct target *target, enum size_measure measure, struct walk **ret_walk, struct error *error)
{
	if (target->walk == NULL)
		TRY(walk_open(&target->walk, &target->decoder, error));
	walk_reset(target->walk);
	walk_set_measure(target->walk, measure);
	walk_set_heap(target->walk, target->graph);
	*ret_walk = target->walk;
	return OK;
}

int target_objects(struct target *target, struct progress *progress, const struct heap_graph **ret_graph,
                   struct error *error)
{
	*ret_graph = NULL;
	if (target->graph == NULL)
		TRY(heap_graph_open_objects(&target->graph, &target->decoder, progress, error));
	*ret_graph = target->graph;
	return OK;
}

int target_require_heap(struct target *target, struct error *error)
{
	return target->heap != NULL ? OK : heap_graph_require(target->space, error);
}

int target_note_blocks(struct target *target, uint64_t large_most, struct progress *progress, struct error *error)
{
	const struct memory_map *memory;
	TRY(target_require_heap(target, error));
	TRY(target_memory(target, progress, &memory, error));
	target->notes_blocks = true;
	target->large_most = large_most;
	return OK;
}

static int open_graph(struct target *target, struct progress *progress, struct error *error)
{
	struct heap_block_notes notes = { .memory = target->memory, .large_most = target->large_most };
	const bool is_wanted = target->notes_blocks && target->blocks == NULL;
	if (is_wanted && (notes.blocks = calloc(1, sizeof *notes.blocks)) == NULL)
		return error_set(error, ERROR_NO_MEMORY, "out of memory for the objects' blocks");
	int status = heap_graph_open(&target->graph, &target->decoder, is_wanted ? &notes : NULL, progress, error);
	if (notes.is_made)
		target->blocks = notes.blocks;
	else
		free(notes.blocks);
	if (status < 0 && notes.is_made)
		forget_blocks(target);
	return status;
}

static int build_heap(struct target *target, struct progress *progress, struct error *error)
{
	heap_graph_close(target->graph); /* at most its objects: finding them once more is what a walk costs */
	target->graph = NULL;
	/* The graph's work arrays are the dominator tree's next. */
	page_pool_keep();
	/* The graph keeps the decoder it was built with: the target's, which lives as long. */
	int status = open_graph(target, progress, error);
	if (status == OK)
		status = retained_open(&target->heap, target->graph, progress, error);
	if (status < 0) { /* its edges may be gone */
		heap_graph_close(target->graph);
		target->graph = NULL;
	}
	page_pool_release();
	return status;
}

/* What hangs on each node of the graph, or number of the dominator tree. */
static int count_native(struct target *target, bool is_by_node, uint64_t count, struct byte_counts *ret_counts,
                        struct progress *progress, struct error *error)
{
	const struct native_graph *native;
	const uint32_t *nodes = target->heap->dominators.node;
	uint64_t steps = 0;
	TRY(target_native(target, progress, &native, error));
	if (!native_graph_open_counts(native, ret_counts, count))
		return error_set(error, ERROR_NO_MEMORY, "out of memory for the bytes of native blocks");
	for (size_t i = 0; i < native->blocks.count; i++) {
		const struct native_block *block = &native->blocks.items[i];
		if (block->holder == NATIVE_OBJECT)
			byte_counts_add(ret_counts, is_by_node ? nodes[block->owner] : block->owner,
			                native_block_bytes(block));
		else if (block->holder == NATIVE_GARBAGE && is_by_node)
			byte_counts_add(ret_counts, block->owner, native_block_bytes(block));
		if (progress_look(progress, &steps) < 0) {
			byte_counts_close(ret_counts);
			return progress_cancelled(error);
		}
	}
	return OK;
}

int target_weigh_native(struct target *target, struct progress *progress, struct error *error)
{
	struct heap_graph *graph = target->heap->graph;
	if (byte_counts_are_open(&graph->native))
		return OK;
	return count_native(target, true, (uint64_t)graph->node_count + 1, &graph->native, progress, error);
}

int target_heap(struct target *target, enum size_measure measure, struct progress *progress,
                const struct retained **ret_heap, struct error *error)
{
	*ret_heap = NULL;
	if (target->heap == NULL && measure == SIZE_NATIVE)
		TRY(target_note_blocks(target, UINT64_MAX, progress, error));
	if (target->heap == NULL)
		TRY(build_heap(target, progress, error));
	if (measure == SIZE_NATIVE)
		TRY(target_weigh_native(target, progress, error));
	TRY(retained_set_measure(target->heap, measure, progress, error));
	*ret_heap = target->heap;
	return OK;
}

const struct traced_place *target_traced(struct target *target)
{
	if (!target->traced_is_known && traced_place_find(&target->traced, target->runtime, NULL) < 0)
		target->traced.is_tracing = false;
	target->traced_is_known = true;
	return &target->traced;
}

int target_memory(struct target *target, struct progress *progress, const struct memory_map **ret_map,
                  struct error *error)
{
	*ret_map = NULL;
	if (target->memory == NULL)
		TRY(memory_map_open(&target->memory, &target->context->allocators, target->runtime, progress, error));
	*ret_map = target->memory;
	return OK;
}

/* What objects are known to have in memory that nobody claimed. */
static int note_pools(struct target *target, struct error *error)
{
	if (target->has_noted_pools)
		return OK;
	for (size_t i = 0; i < target->blocks->known.count; i++) {
		const struct known_block *known = &target->blocks->known.items[i];
		if (known->allocator == ALLOCATOR_UNKNOWN)
			memory_map_note_pool(target->memory, known->address);
		else if (known->allocator == ALLOCATOR_PAGES &&
		         !memory_map_note_mapping(target->memory, known->address, known->address + known->bytes))
			return error_set(error, ERROR_NO_MEMORY, "out of memory for the map of the process");
	}
	target->has_noted_pools = true;
	return OK;
}

static int find_blocks(struct target *target, struct progress *progress, struct error *error)
{
	const struct heap_graph *graph;
	const struct memory_map *memory;
	TRY(target_objects(target, progress, &graph, error));
	TRY(target_memory(target, progress, &memory, error));
	struct python_blocks *blocks = calloc(1, sizeof *blocks);
	if (blocks == NULL)
		return error_set(error, ERROR_NO_MEMORY, "out of memory for the objects' blocks");
	const int status = python_blocks_find(blocks, graph, memory, progress, error);
	if (status < 0)
		free(blocks);
	else
		target->blocks = blocks;
	return status;
}

int target_blocks(struct target *target, struct progress *progress, const struct python_blocks **ret_blocks,
                  struct error *error)
{
	*ret_blocks = NULL;
	if (target->blocks == NULL)
		TRY(find_blocks(target, progress, error));
	TRY(note_pools(target, error));
	*ret_blocks = target->blocks;
	return OK;
}

int target_native(struct target *target, struct progress *progress, const struct native_graph **ret_native,
                  struct error *error)
{
	*ret_native = NULL;
	if (target->native == NULL) {
		struct native_sources sources;
		const struct retained *heap;
		if (target->heap == NULL)
			TRY(target_note_blocks(target, UINT64_MAX, progress, error));
		const enum size_measure measure = target->heap != NULL ? target->heap->measure : SIZE_SHALLOW;
		TRY(target_heap(target, measure, progress, &heap, error));
		TRY(target_blocks(target, progress, &sources.python, error));
		TRY(target_memory(target, progress, &sources.memory, error));
		sources.heap = heap->graph;
		sources.dominators = &heap->dominators;
		TRY(native_graph_open(&target->native, &sources, progress, error));
	}
	*ret_native = target->native;
	return OK;
}

int target_native_retained(struct target *target, struct progress *progress, const struct byte_counts **ret_bytes,
                           struct error *error)
{
	struct byte_counts *bytes = &target->native_retained;
	*ret_bytes = bytes;
	if (byte_counts_are_open(bytes))
		return OK;
	/* The numbers of the dominator tree are those of the heap, which this builds if nobody has. */
	const struct native_graph *native;
	TRY(target_native(target, progress, &native, error));
	const struct dominators *dominators = &target->heap->dominators;
	TRY(count_native(target, false, (uint64_t)dominators->reached_count + 1, bytes, progress, error));
	if (dominators_sum_counts(dominators, bytes, progress) == OK)
		return OK;
	byte_counts_close(bytes);
	return progress_cancelled(error);
}
