/* SPDX-License-Identifier: MIT */
#include "query/findings/request.h"

#include "allocator/debug_guards.h"
#include "allocator/pymalloc.h"
#include "query/findings/leaf_value.h"

enum {
	MOST_ASKED = 256, /* objects */
	LIST_CAPACITY =
	        8, /* _PyListArray of free-threaded builds: before the items (Objects/listobject.c, gh-112529) */
};

/* How many objects of each allocator have guards around them, and how many none. */
struct votes {
	uint32_t counts[ALLOCATOR_COUNT][2];
};

static void ask_object(struct rule_run *run, uint64_t address, struct votes *votes)
{
	uint64_t guarded;
	if (!decode_object(run->decoder, address))
		return;
	const struct allocation own = allocation_of_object(run->decoder);
	if (own.taken <= PYMALLOC_LARGEST && !agreement_is_bad(own.agreement))
		votes->counts[own.allocator][debug_guards_at(&run->decoder->reader, own.address, &guarded)]++;
}

void request_find(struct rule_run *run)
{
	const struct object_index *index = &run->heap->graph->index;
	const struct allocators *allocators = &run->decoder->context->allocators;
	struct votes votes = { .counts = { { 0 } } };
	uint32_t most = 0;
	for (uint32_t i = 0; i < MOST_ASKED && i < index->count; i++)
		ask_object(run, object_index_address(index, (uint32_t)((uint64_t)i * index->count / MOST_ASKED)),
		           &votes);
	run->requests.allocator = ALLOCATOR_UNKNOWN;
	/* Not the first one: some objects are made before Python's own allocator is set up. */
	for (uint32_t allocator = ALLOCATOR_NONE + 1; allocator <= ALLOCATOR_UNKNOWN; allocator++)
		for (uint32_t guards = 0; guards < 2; guards++) {
			if (votes.counts[allocator][guards] <= most)
				continue;
			most = votes.counts[allocator][guards];
			run->requests.allocator = (enum allocator)allocator;
			run->requests.guards = guards != 0 ? DEBUG_GUARDS_BYTES : 0;
		}
	const bool is_other = allocators->other != NULL && allocators->jemalloc.file == NULL;
	run->requests.is_estimate = run->requests.allocator == ALLOCATOR_UNKNOWN ||
	                            (is_other && !layout_feature(run->decoder->layout, FEATURE_FREE_THREADED));
}

uint64_t request_taken(const struct rule_run *run, uint64_t bytes)
{
	struct allocator_block block = { .allocator = run->requests.allocator };
	uint64_t asked = bytes + run->requests.guards;
	if (bytes == 0 || bytes > INT64_MAX)
		return bytes;
	if (block.allocator == ALLOCATOR_UNKNOWN ||
	    (block.allocator == ALLOCATOR_PYMALLOC && asked <= PYMALLOC_LARGEST))
		return round_up(asked, PYMALLOC_ALIGNMENT);
	if (block.allocator == ALLOCATOR_PYMALLOC) {
		/* passed on to malloc, whose domain has guards of its own */
		block.allocator =
		        run->decoder->context->allocators.jemalloc.file != NULL ? ALLOCATOR_JEMALLOC : ALLOCATOR_MALLOC;
		asked += run->requests.guards;
	}
	return allocators_expect(&run->decoder->context->allocators, &block, asked, asked).least;
}

uint64_t request_tracked(const struct rule_run *run, uint64_t struct_bytes, uint64_t words)
{
	const struct layout *layout = run->decoder->layout;
	const uint64_t head =
	        layout_feature(layout, FEATURE_FREE_THREADED) ? 0 : layout->struct_bytes[STRUCT_PyGC_Head];
	return request_taken(run, head + struct_bytes + 8 * words);
}

uint64_t request_list_items(const struct rule_run *run, uint64_t words)
{
	const bool has_capacity = layout_feature(run->decoder->layout, FEATURE_FREE_THREADED);
	return words > 0 ? request_taken(run, 8 * words + (has_capacity ? LIST_CAPACITY : 0)) : 0;
}

uint64_t request_slots(const struct rule_run *run, uint64_t words)
{
	return request_tracked(run, run->decoder->layout->struct_bytes[STRUCT_PyObject], words);
}

uint64_t request_of_leaf(const struct rule_run *run, uint32_t node)
{
	const uint64_t bytes = heap_graph_bytes(run->heap->graph, node, run->heap->measure);
	return run->heap->measure == SIZE_SHALLOW ? request_taken(run, bytes) : bytes;
}

uint64_t request_of_subtree(struct rule_run *run, uint32_t number)
{
	const struct dominators *dominators = &run->heap->dominators;
	uint64_t bytes = 0, steps = 0;
	for (uint32_t at = number;;) {
		const struct type_info *type = reference_type(naming_references(run->naming), at);
		const uint32_t node = dominators->node[at];
		if (type != NULL && (leaf_kind_of(run, type) != LEAF_NONE || rule_is_type(type, "tuple")))
			bytes += request_of_leaf(run, node);
		else if (node < run->heap->graph->index.count)
			bytes += rule_allocated(run, object_index_address(&run->heap->graph->index, node));
		at = dominators_next(dominators, &run->heap->children, number, at);
		if (at == 0 || progress_look(run->query->progress, &steps) < 0)
			return bytes;
	}
}
