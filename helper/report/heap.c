/* SPDX-License-Identifier: MIT */
#include "report/heap.h"

#include <stdlib.h>

#include "object/value.h"

int report_heap(struct report *report, const struct retained **ret_heap)
{
	TRY(target_heap(report->target, request_measure(report->request), report->progress, ret_heap, report->error));
	if ((*ret_heap)->graph->coverage.tracked_unknown)
		report->exit_status = EXIT_PARTIAL;
	return OK;
}

enum { SMALL_SUBTREE = 1 << 12 }; /* objects: looked up one by one, which is dearer than their part of a sweep */

/* Bytes of an object below the one weighed, if the walk counted it. */
static uint64_t counted_bytes(struct report *report, const struct retained *heap, uint32_t node, uint64_t address)
{
	struct decoder *decoder = report->naming;
	uint64_t type_address;
	if (!walk_has_reached(report->target->walk, address))
		return 0;
	if (!value_field(&decoder->objects, address, FIELD_PyObject_ob_type, &type_address))
		return 0;
	const struct type_info *type = decode_type(decoder, type_address);
	if (type == NULL || !policy_enters(report->request->policy, type))
		return 0;
	return heap_graph_bytes(heap->graph, node, heap->measure);
}

/* The same of all that `top` dominates, itself left out: one by one, or by a sweep over the heap. */
static int sum_below(struct report *report, const struct retained *heap, uint32_t top, uint64_t *ret_bytes)
{
	const struct dominators *dominators = &heap->dominators;
	const struct heap_graph *graph = heap->graph;
	uint32_t count = 0;
	uint32_t number = top;
	*ret_bytes = 0;
	while (count <= SMALL_SUBTREE && (number = dominators_next(dominators, &heap->children, top, number)) != 0)
		count++;
	if (count <= SMALL_SUBTREE) {
		for (number = top; (number = dominators_next(dominators, &heap->children, top, number)) != 0;)
			*ret_bytes += counted_bytes(report, heap, dominators->node[number],
			                            object_index_address(&graph->index, dominators->node[number]));
		return OK;
	}
	uint8_t *is_below = calloc((size_t)graph->node_count / 8 + 1, 1);
	if (is_below == NULL)
		return error_set(report->error, ERROR_NO_MEMORY, "out of memory for the shared size");
	for (number = top; (number = dominators_next(dominators, &heap->children, top, number)) != 0;)
		is_below[dominators->node[number] / 8] |= (uint8_t)(1u << dominators->node[number] % 8);
	struct object_cursor cursor;
	object_cursor_init(&cursor, &graph->index);
	uint32_t node = 0;
	for (uint64_t address; (address = object_cursor_next(&cursor)) != 0; node++)
		if (is_below[node / 8] >> node % 8 & 1)
			*ret_bytes += counted_bytes(report, heap, node, address);
	free(is_below);
	return OK;
}

int heap_weigh(struct report *report, uint64_t object, uint64_t deep, struct heap_weight *ret_weight)
{
	*ret_weight = (struct heap_weight){ .is_known = false };
	const struct retained *heap;
	TRY(report_heap(report, &heap));
	const uint32_t number = retained_number(heap, object);
	if (number == UINT32_MAX)
		return OK;
	ret_weight->retained = heap->bytes[number];
	ret_weight->is_known = true;
	if (report->request->policy == POLICY_ASIZEOF)
		return OK;
	uint64_t below;
	TRY(sum_below(report, heap, number, &below));
	const uint64_t own = below + heap_graph_bytes(heap->graph, heap->dominators.node[number], heap->measure);
	ret_weight->shared = deep > own ? deep - own : 0;
	ret_weight->has_shared = true;
	return OK;
}
