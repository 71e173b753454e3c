/* SPDX-License-Identifier: MIT */
#include "report/heap.h"

int report_heap(struct report *report, const struct retained **ret_heap)
{
	*ret_heap = *report->heap;
	if (*ret_heap != NULL)
		return OK;
	/* The graph keeps the decoder it was built with: the session's, which lives as long. */
	struct heap_graph *graph;
	TRY(heap_graph_open(&graph, report->decoder, report->control, report->error));
	int status = retained_open(report->heap, graph, report->control, report->error);
	if (status < 0) {
		heap_graph_close(graph);
		return status;
	}
	*ret_heap = *report->heap;
	return OK;
}

bool heap_retained_bytes(const struct retained *heap, uint64_t object, uint64_t *ret_bytes)
{
	uint32_t number = retained_number(heap, object);
	if (number == UINT32_MAX)
		return false;
	*ret_bytes = heap->bytes[number];
	return true;
}

void report_heap_close(struct retained *heap)
{
	if (heap == NULL)
		return;
	struct heap_graph *graph = heap->graph;
	retained_close(heap);
	heap_graph_close(graph);
}
