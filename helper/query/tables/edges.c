/* SPDX-License-Identifier: MIT */
#include "query/tables/edges.h"

#include "graph/heap/block_references.h"

void edge_cursor_open(struct edge_cursor *cursor, const struct retained *heap, struct decoder *decoder, uint32_t object,
                      uint64_t address)
{
	const struct heap_graph *graph = heap->graph;
	*cursor = (struct edge_cursor){ .heap = heap, .decoder = decoder, .source = object };
	cursor->source_number = heap->dominators.number[object];
	cursor->block = block_references_of(graph, object);
	/* The table of interned strings keeps nothing alive: graph/roots.h. */
	if (!decode_object(decoder, address) || roots_is_interned_dict(&graph->roots, address))
		cursor->run = decoder->out.runs.count;
}

/* Whether the graph has an edge between two objects. Rows of incoming edges ascend by source. */
static bool has_edge(const struct retained *heap, uint32_t source_number, uint32_t target)
{
	const struct edge_rows *incoming = &heap->dominators.incoming;
	const uint32_t number = heap->dominators.number[target];
	if (source_number == UINT32_MAX || number == UINT32_MAX)
		return false;
	uint32_t low = incoming->first[number], high = incoming->first[number + 1];
	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;
		if (incoming->targets[middle] < source_number)
			low = middle + 1;
		else
			high = middle;
	}
	return low < incoming->first[number + 1] && incoming->targets[low] == source_number;
}

/* The object a slot refers to; UINT32_MAX: none, or one that the graph has no edge to. */
static uint32_t slot_object(struct edge_cursor *cursor, const struct run *run, uint64_t slot)
{
	const struct heap_graph *graph = cursor->heap->graph;
	if (!run_is_counted(run, slot))
		return UINT32_MAX;
	const uint64_t address = run_target(run, slot);
	const uint32_t object = address != 0 ? object_index_find(&graph->index, address) : UINT32_MAX;
	if (object != UINT32_MAX && run->label == LABEL_WORD && !has_edge(cursor->heap, cursor->source_number, object))
		return UINT32_MAX;
	return object;
}

/* Then those from memory of C code that hangs on the object. */
static bool next_of_blocks(struct edge_cursor *cursor)
{
	const struct heap_graph *graph = cursor->heap->graph;
	while (cursor->block < graph->block_references.count) {
		const struct block_reference *reference = &graph->block_references.items[cursor->block++];
		if (reference->owner != cursor->source)
			break;
		if (!block_reference_run(reference, &cursor->decoder->reader, &cursor->block_run))
			continue;
		cursor->found = &cursor->block_run;
		cursor->index = 0;
		cursor->target = reference->target;
		return true;
	}
	cursor->block = SIZE_MAX;
	return false;
}

bool edge_cursor_next(struct edge_cursor *cursor)
{
	const struct decoded *out = &cursor->decoder->out;
	for (; cursor->run < out->runs.count; cursor->run++, cursor->slot = 0) {
		const struct run *run = &out->runs.items[cursor->run];
		if (run->flags & RUN_OF_DICT)
			continue; /* the dict has the same words */
		while (cursor->slot < run->count) {
			const uint64_t slot = cursor->slot++;
			const uint32_t object = slot_object(cursor, run, slot);
			if (object == UINT32_MAX)
				continue;
			cursor->found = run;
			cursor->index = slot;
			cursor->target = object;
			return true;
		}
	}
	return next_of_blocks(cursor);
}

const char *edge_kind_name(const struct run *run)
{
	static const char *const kinds[] = {
		[LABEL_FIELD] = "attribute",
		[LABEL_ITEM] = "item",
		[LABEL_SET_ITEM] = "item",
		[LABEL_DICT_KEY] = "key",
		[LABEL_DICT_VALUE] = "value",
		[LABEL_SPLIT_VALUE] = "attribute",
		[LABEL_SLOT] = "attribute",
		[LABEL_LOCAL] = "local",
		[LABEL_STACK] = "stack",
		[LABEL_TYPE] = "class",
		[LABEL_DICT] = "dict",
		[LABEL_SUBCLASSES] = "subclasses",
		[LABEL_OF_STATIC_TYPE] = "static type",
		[LABEL_WORD] = "word",
		[LABEL_BLOCK_WORD] = "word",
	};
	return run->label < sizeof kinds / sizeof *kinds && kinds[run->label] != NULL ? kinds[run->label] : "other";
}
