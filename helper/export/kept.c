/* SPDX-License-Identifier: MIT */
#include "export/kept.h"

#include <stdlib.h>

static int no_memory(struct export *export)
{
	return error_set(export->error, ERROR_NO_MEMORY, "out of memory for the objects of an export");
}

void kept_close(struct kept *kept)
{
	free(kept->owner);
	free(kept->folded_bytes);
	free(kept->small_first);
	free(kept->small);
	free(kept->small_bytes);
	*kept = (struct kept){ .owner = NULL };
}

/* Whether an object refers to nothing and only one object refers to it, once: it is a part of that object, which then
 * is its dominator. */
static bool is_part(const struct tables *tables, uint32_t number)
{
	const struct retained *heap = tables->heap;
	const struct edge_rows *incoming = &heap->dominators.incoming;
	const uint32_t node = heap->dominators.node[number];
	if (incoming->first[number + 1] - incoming->first[number] != 1 ||
	    heap->dominators.node[heap->dominators.idom[number]] >= heap->graph->index.count)
		return false;
	const struct type_info *type = tables_type(tables, node);
	return type != NULL && type->flags & TYPE_IS_LEAF && !(type->flags & TYPE_OWNS_TYPE);
}

static void choose(struct kept *kept, const struct export *export)
{
	const struct retained *heap = kept->heap;
	const struct dominators *dominators = &heap->dominators;
	const uint32_t objects = heap->graph->index.count;
	kept->owner[0] = 0;
	/* A dominator comes before what it dominates. */
	for (uint32_t number = 1; number < dominators->reached_count; number++) {
		const uint32_t node = dominators->node[number], above = kept->owner[dominators->idom[number]];
		kept->owner[number] = number;
		if (node >= objects)
			continue;
		if (heap->bytes[number] < export->options->min_retained) {
			kept->owner[number] = above;
			kept->small_first[above + 1]++;
			kept->small_bytes[above] += heap_graph_shallow(heap->graph, node);
		} else if (export->options->collapse_leaves && is_part(export->tables, number)) {
			kept->owner[number] = above;
			kept->folded_bytes[above] += heap_graph_shallow(heap->graph, node);
		}
	}
}

/* The small objects of each owner side by side. */
static int sort_small(struct kept *kept, struct export *export)
{
	const uint32_t count = kept->heap->dominators.reached_count;
	for (uint32_t number = 0; number < count; number++) {
		kept->owner_count += kept->small_first[number + 1] != 0;
		kept->small_first[number + 1] += kept->small_first[number];
	}
	kept->small = malloc(((size_t)kept->small_first[count] + 1) * sizeof *kept->small);
	uint32_t *next = malloc(((size_t)count + 1) * sizeof *next);
	if (kept->small == NULL || next == NULL) {
		free(next);
		return no_memory(export);
	}
	for (uint32_t number = 0; number < count; number++)
		next[number] = kept->small_first[number];
	for (uint32_t number = 0; number < count; number++) {
		const uint32_t owner = kept->owner[number];
		if (owner != number && kept->heap->bytes[number] < export->options->min_retained)
			kept->small[next[owner]++] = number;
	}
	free(next);
	return OK;
}

int kept_open(struct kept *ret_kept, struct export *export)
{
	const struct retained *heap = export->tables->heap;
	const size_t count = (size_t)heap->dominators.reached_count + 2;
	*ret_kept = (struct kept){ .heap = heap };
	if (!export->options->collapse_leaves && export->options->min_retained == 0)
		return OK;
	ret_kept->owner = malloc(count * sizeof *ret_kept->owner);
	ret_kept->folded_bytes = calloc(count, sizeof *ret_kept->folded_bytes);
	ret_kept->small_first = calloc(count, sizeof *ret_kept->small_first);
	ret_kept->small_bytes = calloc(count, sizeof *ret_kept->small_bytes);
	if (ret_kept->owner == NULL || ret_kept->folded_bytes == NULL || ret_kept->small_first == NULL ||
	    ret_kept->small_bytes == NULL)
		return no_memory(export);
	TRY(tables_types(export->tables));
	choose(ret_kept, export);
	return sort_small(ret_kept, export);
}
