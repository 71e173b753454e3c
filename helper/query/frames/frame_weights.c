/* SPDX-License-Identifier: MIT */
#include "query/frames/frame_weights.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/groups.h"
#include "query/frames/frame_objects.h"
#include "query/memory/native_beside.h"

static int no_memory(const struct frame_weights *weights)
{
	return query_no_memory(weights->query, "the frames");
}

/* What a frame consists of in the graph beside its holder: the frame object if there is one, and the generator that the
 * frame lies in. True: there is such. */
static bool mark_objects(const struct frame_weights *weights, uint32_t index, const struct python_frame *frame,
                         uint32_t *group)
{
	const struct layout *layout = weights->query->target->decoder.layout;
	const uint64_t objects[] = { frame->frame_object, frame_generator_around(layout, frame) };
	bool has_any = false;
	for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++) {
		const uint32_t number = objects[i] != 0 ? retained_number(weights->heap, objects[i]) : UINT32_MAX;
		if (number == UINT32_MAX)
			continue;
		group[number] = index;
		has_any = true;
	}
	return has_any;
}

/* Frames that are more than their holder in the graph are marked as groups with it, by number; false: there are none.
 * The others weigh what their holder retains. */
static bool mark_frames(const struct frame_weights *weights, uint32_t *group)
{
	const struct roots *roots = &weights->heap->graph->roots;
	bool has_any = false;
	struct python_frame frame;
	for (uint32_t i = 0; holders_next_with_object(&roots->holders, &i, &frame); i++) {
		if (!mark_objects(weights, i, &frame, group))
			continue;
		const uint32_t number = retained_holder_number(weights->heap, i);
		if (number != UINT32_MAX)
			group[number] = i;
		has_any = true;
	}
	return has_any;
}

static int weigh_groups(struct frame_weights *weights, uint32_t *group)
{
	const struct query *query = weights->query;
	const struct roots *roots = &weights->heap->graph->roots;
	if (mark_frames(weights, group))
		TRY(retained_groups(weights->heap, group, roots->holders.count, weights->only_here, query->progress,
		                    query->error));
	for (size_t k = 0; k < roots->holders.stretches.count; k++) {
		const struct holder_stretch *stretch = &roots->holders.stretches.items[k];
		for (uint32_t i = stretch->first; stretch->frames != NULL && i < stretch->end; i++) {
			const uint32_t number = retained_holder_number(weights->heap, i);
			if (number != UINT32_MAX && group[number] == GROUP_NONE)
				weights->only_here[i] = weights->heap->bytes[number];
		}
	}
	return OK;
}

int frame_weights_open(struct frame_weights *ret_weights, const struct query *query)
{
	*ret_weights = (struct frame_weights){ .query = query };
	TRY(query_heap_and_blocks(query, &ret_weights->heap));
	const struct roots *roots = &ret_weights->heap->graph->roots;
	const size_t numbers = ret_weights->heap->dominators.reached_count;
	uint32_t *group = malloc((numbers + 1) * sizeof *group);
	ret_weights->only_here = calloc(roots->holders.count + 1, sizeof *ret_weights->only_here);
	if (group == NULL || ret_weights->only_here == NULL) {
		free(group);
		return no_memory(ret_weights);
	}
	memset(group, 0xff, (numbers + 1) * sizeof *group);
	int status = weigh_groups(ret_weights, group);
	free(group);
	return status;
}

void frame_weights_close(struct frame_weights *weights)
{
	free(weights->only_here);
	array_free(&weights->deep);
	address_map_clear(&weights->known);
	walk_close(weights->chain);
}

static int remember(struct frame_weights *weights, uint64_t object, uint64_t deep)
{
	if (address_map_set(&weights->known, object, (uint32_t)weights->deep.count) && array_push(&weights->deep, deep))
		return OK;
	return no_memory(weights);
}

/* Objects that are left out where something refers to them, and count where a walk begins. */
static bool are_entered(const struct frame_weights *weights, const uint64_t *objects, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct type_info *type = query_type(weights->query, objects[i]);
		if (type == NULL || !policy_enters(POLICY_DATA, type))
			return false;
	}
	return true;
}

static int open_chain(struct frame_weights *weights)
{
	const struct query *query = weights->query;
	if (weights->chain != NULL)
		return OK;
	TRY(walk_open(&weights->chain, &query->target->decoder, query->error));
	walk_set_measure(weights->chain, query->measure);
	walk_set_heap(weights->chain, weights->heap->graph);
	return OK;
}

/* Goes on with a walk: bytes of what these objects reach and it had not reached before. */
static int walk_on(const struct frame_weights *weights, struct walk *walk, const uint64_t *objects, size_t count,
                   uint64_t *ret_bytes)
{
	const struct walk_start start = { objects, count, POLICY_DATA };
	struct walk_result result = { .count = 0 };
	const int status = walk_deep(walk, &start, weights->query->progress, &result, weights->query->error);
	*ret_bytes = result.bytes;
	walk_result_clear(&result);
	return status;
}

/* What the chain reaches becomes what the object reaches: what is new and all so far, where it leads there. */
static int extend_chain(struct frame_weights *weights, uint64_t object)
{
	uint64_t more;
	TRY(open_chain(weights));
	walk_set_mark(weights->chain, weights->chain_start);
	TRY(walk_on(weights, weights->chain, &object, 1, &more));
	if (weights->chain_start == 0 || walk_has_met_mark(weights->chain)) {
		weights->chain_deep += more;
	} else {
		weights->chain_misses++;
		walk_reset(weights->chain);
		TRY(walk_on(weights, weights->chain, &object, 1, &weights->chain_deep));
	}
	weights->chain_start = object;
	return remember(weights, object, weights->chain_deep);
}

int frame_weights_deep_onward(struct frame_weights *weights, const uint64_t *objects, size_t count, uint64_t *ret_deep,
                              bool *ret_known)
{
	enum { MISSES = 4 }; /* after so many it is no recursion that hands on what it has */
	*ret_known = false;
	if (weights->chain_misses >= MISSES || count == 0 || !are_entered(weights, objects, count))
		return OK;
	for (size_t i = 0; i < count && weights->chain_misses < MISSES; i++)
		if (weights->chain == NULL || !walk_has_reached(weights->chain, objects[i]))
			TRY(extend_chain(weights, objects[i]));
	if (weights->chain_misses >= MISSES)
		return OK;
	bool has_start = false;
	for (size_t i = 0; i < count; i++) {
		has_start |= objects[i] == weights->chain_start;
		if (!walk_has_reached(weights->chain, objects[i]))
			return OK;
	}
	*ret_known = has_start;
	*ret_deep = weights->chain_deep;
	return OK;
}

int frame_weights_deep(struct frame_weights *weights, const uint64_t *objects, size_t count, uint64_t *ret_deep)
{
	struct walk *walk;
	uint64_t more = 0;
	*ret_deep = 0;
	if (count == 0)
		return OK;
	TRY(query_walk(weights->query, &walk));
	if (address_map_get(&weights->known, objects[0]) != ADDRESS_MAP_NONE || !are_entered(weights, objects, count))
		return walk_on(weights, walk, objects, count, ret_deep);
	/* The first alone as well, which costs nothing more. */
	TRY(walk_on(weights, walk, objects, 1, ret_deep));
	TRY(remember(weights, objects[0], *ret_deep));
	if (count > 1)
		TRY(walk_on(weights, walk, objects + 1, count - 1, &more));
	*ret_deep += more;
	return OK;
}

int frame_weights_deep_of(struct frame_weights *weights, uint64_t object, uint64_t *ret_deep)
{
	struct walk *walk;
	const uint32_t known = address_map_get(&weights->known, object);
	if (known != ADDRESS_MAP_NONE) {
		*ret_deep = weights->deep.items[known];
		return OK;
	}
	TRY(query_walk(weights->query, &walk));
	TRY(walk_on(weights, walk, &object, 1, ret_deep));
	return remember(weights, object, *ret_deep);
}
