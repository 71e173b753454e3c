/* SPDX-License-Identifier: MIT */
#include "query/frames/frame_weights.h"

#include <stdlib.h>
#include <string.h>

static int no_memory(const struct frame_weights *weights)
{
	return query_no_memory(weights->query, "the frames");
}

/* What a frame consists of in the graph: the holder, the frame object if there is one, and the generator that the frame
 * lies in. */
static void mark_frame(const struct frame_weights *weights, uint32_t index, uint32_t *group)
{
	enum { OWNED_BY_GENERATOR = 1 };
	const struct holder *holder = &weights->heap->graph->roots.holders.items[index];
	const struct layout *layout = weights->query->target->decoder.layout;
	uint64_t objects[] = { holder->frame->frame_object, 0 };
	uint32_t number = retained_holder_number(weights->heap, index);
	if (!layout_feature(layout, FEATURE_INTERPRETER_FRAMES))
		objects[0] = holder->frame->address;
	else if (holder->frame->owner == OWNED_BY_GENERATOR && layout_has(layout, FIELD_PyGenObject_gi_iframe))
		objects[1] = holder->frame->address - layout_offset(layout, FIELD_PyGenObject_gi_iframe);
	if (number != UINT32_MAX)
		group[number] = index;
	for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++) {
		number = objects[i] != 0 ? retained_number(weights->heap, objects[i]) : UINT32_MAX;
		if (number != UINT32_MAX)
			group[number] = index;
	}
}

int frame_weights_open(struct frame_weights *ret_weights, const struct query *query)
{
	*ret_weights = (struct frame_weights){ .query = query };
	TRY(query_heap(query, &ret_weights->heap));
	const struct roots *roots = &ret_weights->heap->graph->roots;
	const size_t numbers = ret_weights->heap->dominators.reached_count;
	uint32_t *group = malloc((numbers + 1) * sizeof *group);
	ret_weights->only_here = calloc(roots->holders.count + 1, sizeof *ret_weights->only_here);
	if (group == NULL || ret_weights->only_here == NULL) {
		free(group);
		return no_memory(ret_weights);
	}
	memset(group, 0xff, (numbers + 1) * sizeof *group);
	for (uint32_t i = 0; i < roots->holders.count; i++)
		if (roots->holders.items[i].kind == HOLDER_FRAME)
			mark_frame(ret_weights, i, group);
	int status = retained_groups(ret_weights->heap, group, (uint32_t)roots->holders.count, ret_weights->only_here,
	                             query->progress, query->error);
	free(group);
	return status;
}

void frame_weights_close(struct frame_weights *weights)
{
	free(weights->only_here);
	array_free(&weights->deep);
	address_map_clear(&weights->known);
}

int frame_weights_deep(struct frame_weights *weights, const uint64_t *objects, size_t count, uint64_t *ret_deep)
{
	const struct query *query = weights->query;
	struct walk_result result = { .count = 0 };
	struct walk *walk;
	*ret_deep = 0;
	if (count == 0)
		return OK;
	TRY(query_walk(query, &walk));
	const struct walk_start start = { objects, count, POLICY_DATA };
	int status = walk_deep(walk, &start, query->progress, &result, query->error);
	*ret_deep = result.bytes;
	walk_result_clear(&result);
	return status;
}

int frame_weights_deep_of(struct frame_weights *weights, uint64_t object, uint64_t *ret_deep)
{
	const uint32_t known = address_map_get(&weights->known, object);
	if (known != ADDRESS_MAP_NONE) {
		*ret_deep = weights->deep.items[known];
		return OK;
	}
	TRY(frame_weights_deep(weights, &object, 1, ret_deep));
	if (!address_map_set(&weights->known, object, (uint32_t)weights->deep.count) ||
	    !array_push(&weights->deep, *ret_deep))
		return no_memory(weights);
	return OK;
}
