/* SPDX-License-Identifier: MIT */
#include "graph/frontier.h"

void frontier_init(struct frontier *frontier, struct decoder *decoder, struct visited *visited)
{
	*frontier = (struct frontier){ .decoder = decoder, .visited = visited };
}

void frontier_clear(struct frontier *frontier)
{
	array_free(&frontier->runs);
	frontier->next = frontier->ready_count = frontier->drawn_count = 0;
}

void frontier_add_run(struct frontier *frontier, const struct run *run)
{
	struct pending_run pending = { run->slots, run->count, run->stride, run->flags };
	if (!array_push(&frontier->runs, pending))
		frontier->out_of_memory = true;
}

/* Enters an object in the set of visited ones; true with its head where it was not there. */
static inline __attribute__((always_inline)) bool enter(struct frontier *frontier, uint64_t address,
                                                        struct object_head *ret_head)
{
	const struct segment *segment = reader_segment(&frontier->decoder->reader, address);
	if (__builtin_expect(segment == NULL, 0)) {
		if (frontier->wild++ == 0)
			frontier->wild_example = address;
		return false;
	}
	if (!visited_add(frontier->visited, segment_granule(segment, address)))
		return false;
	if (__builtin_expect((address & 8) != 0, 0) && !visited_add_odd(frontier->visited, address))
		frontier->out_of_memory = true;
	*ret_head = decode_head_in(frontier->decoder, segment, address);
	return true;
}

bool frontier_take(struct frontier *frontier, uint64_t address, struct upcoming *ret_upcoming)
{
	*ret_upcoming = (struct upcoming){ .type = NULL };
	if (!enter(frontier, address, &ret_upcoming->head))
		return false;
	if (ret_upcoming->head.bytes != NULL)
		ret_upcoming->type = decode_head_type(frontier->decoder, ret_upcoming->head.bytes);
	return true;
}

/* Draws slots from the last runs until a batch is full of new objects or no run is left. */
static void draw_batch(struct frontier *frontier)
{
	struct upcoming *batch = frontier->batches[!frontier->ready];
	uint32_t drawn = 0;
	while (drawn < BATCH_LENGTH && frontier->runs.count > 0) {
		struct pending_run *run = &frontier->runs.items[frontier->runs.count - 1];
		const uint8_t *slot = run->slots;
		uint64_t left = run->count;
		const uint32_t stride = run->stride, flags = run->flags;
		for (; left > 0 && drawn < BATCH_LENGTH; left--, slot += stride) {
			uint64_t target = slot_target(slot, flags);
			if (target == 0 || !enter(frontier, target, &batch[drawn].head))
				continue;
			__builtin_prefetch(batch[drawn++].head.bytes);
		}
		run->slots = slot;
		run->count = left;
		frontier->runs.count -= left == 0;
	}
	frontier->drawn_count = drawn;
}

static inline void look_ahead(struct frontier *frontier, struct upcoming *upcoming)
{
	upcoming->type = NULL;
	if (__builtin_expect(upcoming->head.bytes == NULL, 0))
		return;
	const struct type_info *type = decode_head_type(frontier->decoder, upcoming->head.bytes);
	upcoming->type = type;
	if (type == NULL || type->ahead == 0)
		return;
	struct reader *reader = &frontier->decoder->reader;
	const uint8_t *slot = reader_at(reader, upcoming->head.address + (uint64_t)(int64_t)type->ahead, 8);
	uint64_t target = slot != NULL ? load_u64(slot) : 0;
	const struct segment *segment = target != 0 ? reader_segment(reader, target) : NULL;
	if (segment != NULL && segment->data != NULL)
		__builtin_prefetch(segment->data + (target - segment->start));
}

bool frontier_refill(struct frontier *frontier)
{
	if (frontier->drawn_count == 0)
		draw_batch(frontier);
	frontier->ready = !frontier->ready;
	frontier->ready_count = frontier->drawn_count;
	frontier->next = 0;
	for (uint32_t i = 0; i < frontier->ready_count; i++)
		look_ahead(frontier, &frontier->batches[frontier->ready][i]);
	draw_batch(frontier);
	return frontier->ready_count > 0;
}
