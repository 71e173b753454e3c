/* SPDX-License-Identifier: MIT
 * What the allocators took for every object of a graph: a pass of its own over the objects by address, since most
 * requests are about sys.getsizeof(), which the graph finds without looking at blocks. */
#include <stdlib.h>

#include "base/threads.h"
#include "base/large_block.h"
#include "graph/heap/heap_graph.h"

enum {
	LEAST_RANGE = 1 << 13, /* objects that are worth a thread */
};

/* What one thread does: objects begin up to (not including) end, by number. */
struct weight_range {
	const struct heap_graph *graph;
	struct progress *progress;
	uint32_t *allocated;
	uint32_t begin, end;
	int status;
};

static void weigh_range(void *context, unsigned member)
{
	struct weight_range *range = (struct weight_range *)context + member;
	struct run_sink no_runs = { .is_closed = true };
	struct decoder decoder;
	struct object_cursor cursor;
	uint64_t done = 0;
	decoder_init(&decoder, range->graph->decoder->context);
	decoder.sink = &no_runs;
	decoder.skip_class = true;
	object_cursor_init_at(&cursor, &range->graph->index, range->begin);
	for (uint32_t node = range->begin; range->status == OK && node < range->end; node++) {
		uint64_t bytes = 0;
		if (decode_object(&decoder, object_cursor_next(&cursor)))
			bytes = allocated_of_object(&decoder).bytes;
		range->allocated[node] = bytes < HEAP_GRAPH_LARGE ? (uint32_t)bytes : HEAP_GRAPH_LARGE;
		range->status = decoder.out_of_memory ? ERROR_NO_MEMORY : progress_step(range->progress, &done);
	}
	decoder.sink = NULL;
	decoder_clear(&decoder);
}

int heap_graph_find_allocated(struct heap_graph *graph, struct progress *progress, struct error *error)
{
	const uint64_t objects = graph->index.count;
	struct weight_range ranges[CREW_MOST];
	if (graph->allocated != NULL)
		return OK;
	unsigned count = address_space_is_immediate(graph->decoder->reader.space) ? crew_size() : 1;
	if (count > objects / LEAST_RANGE + 1)
		count = (unsigned)(objects / LEAST_RANGE + 1);
	uint32_t *allocated = large_allocate(objects + 1, sizeof *allocated);
	if (allocated == NULL)
		return error_set(error, ERROR_NO_MEMORY, "out of memory for the allocated sizes of the heap");
	for (unsigned i = 0; i < count; i++)
		ranges[i] = (struct weight_range){ .graph = graph,
			                           .progress = progress,
			                           .allocated = allocated,
			                           .begin = (uint32_t)(objects * i / count),
			                           .end = (uint32_t)(objects * (i + 1) / count) };
	crew_run(count, weigh_range, ranges);
	int status = OK;
	for (unsigned i = 0; i < count; i++)
		status = status == OK ? ranges[i].status : status;
	if (status == OK) {
		graph->allocated = allocated;
		return OK;
	}
	large_free(allocated);
	return status == ERROR_CANCELLED
	               ? progress_cancelled(error)
	               : error_set(error, ERROR_NO_MEMORY, "out of memory for the allocated sizes of the heap");
}

uint64_t heap_graph_allocated(const struct heap_graph *graph, uint32_t node)
{
	if (node >= graph->index.count)
		return 0;
	if (graph->allocated[node] != HEAP_GRAPH_LARGE)
		return graph->allocated[node];
	return decode_object(graph->decoder, object_index_address(&graph->index, node))
	               ? allocated_of_object(graph->decoder).bytes
	               : 0;
}
