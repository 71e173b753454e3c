/* SPDX-License-Identifier: MIT */
#include "query/approximate_below.h"

/* Of its references: a class that only has a __sizeof__ of its own is decoded as its base is (decode/type_entry.c). */
static bool is_approximate(const struct type_info *type)
{
	return type != NULL && (type->flags & TYPE_IS_APPROXIMATE) != 0 &&
	       (type->base_info == NULL || (type->base_info->flags & TYPE_IS_APPROXIMATE) != 0);
}

int query_approximate_below(const struct query *query, const struct retained *heap, uint32_t number,
                            struct approximate_below *ret_below)
{
	const struct heap_graph *graph = heap->graph;
	uint64_t steps = 0;
	*ret_below = (struct approximate_below){ .count = 0 };
	if (graph->coverage.approximate == 0 || number == 0)
		return OK;
	uint32_t at = number;
	do {
		const uint32_t node = heap->dominators.node[at];
		if (node < graph->index.count &&
		    is_approximate(query_type(query, object_index_address(&graph->index, node)))) {
			ret_below->count++;
			ret_below->bytes += heap_graph_bytes(graph, node, heap->measure);
		}
		if (progress_look(query->progress, &steps) != OK)
			return query_cancelled(query);
		at = dominators_next(&heap->dominators, &heap->children, number, at);
	} while (at != 0);
	return OK;
}
