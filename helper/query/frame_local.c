/* SPDX-License-Identifier: MIT */
#include "query/frame_local.h"

void frame_locals_open(struct frame_locals *locals, const struct retained *heap, struct decoder *decoder)
{
	locals->heap = heap;
	holder_runs_open_one(&locals->runs, &heap->graph->roots, decoder, 0);
}

/* In which stretch a holder is: mostly in that of the one before. UINT32_MAX is no holder. */
static inline const struct holder_stretch *stretch_of(const struct frame_locals *locals, uint32_t holder)
{
	const struct holder_stretch *last = locals->runs.stretch;
	return holder - last->first < last->end - last->first
	               ? last
	               : holders_stretch(&locals->heap->graph->roots.holders, holder);
}

static inline uint32_t holder_of(const struct frame_locals *locals, uint32_t number)
{
	const uint32_t node = locals->heap->dominators.node[number], objects = locals->heap->graph->index.count;
	return node >= objects ? node - objects : UINT32_MAX;
}

/* The innermost frame that refers to a number; UINT32_MAX: none does. */
static uint32_t innermost_of(const struct frame_locals *locals, uint32_t number)
{
	const struct edge_rows *incoming = &locals->heap->dominators.incoming;
	uint32_t innermost = UINT32_MAX, least = UINT32_MAX;
	for (uint32_t edge = incoming->first[number]; edge < incoming->first[number + 1]; edge++) {
		const uint32_t holder = holder_of(locals, incoming->targets[edge]);
		if (holder == UINT32_MAX)
			continue;
		const struct holder_stretch *stretch = stretch_of(locals, holder);
		if (stretch->frames == NULL || holder - stretch->first >= least)
			continue;
		least = holder - stretch->first;
		innermost = holder;
	}
	return innermost;
}

/* The locals of a frame will be looked at soon. */
static void fetch(const struct frame_locals *locals, uint32_t frame)
{
	const struct holder_stretch *stretch = stretch_of(locals, frame);
	const uint32_t depth = frame - stretch->first;
	const uint64_t address = stretch->frames->places[depth].address;
	const struct python_frame *form = frame_list_form(stretch->frames, depth);
	const uint64_t slots = address + (form->localsplus - form->address);
	const uint8_t *bytes = reader_at(&locals->runs.decoder->reader, slots, 8);
	if (bytes != NULL)
		__builtin_prefetch(bytes);
}

uint32_t frame_locals_frame(const struct frame_locals *locals, uint32_t number)
{
	const struct holders *holders = &locals->heap->graph->roots.holders;
	const uint32_t above = holder_of(locals, locals->heap->dominators.idom[number]);
	if (above == UINT32_MAX ||
	    (stretch_of(locals, above)->frames == NULL && holders_kind(holders, above) != HOLDER_THREAD))
		return UINT32_MAX;
	const uint32_t frame = innermost_of(locals, number);
	if (frame != UINT32_MAX)
		fetch(locals, frame);
	return frame;
}

bool frame_locals_of(struct frame_locals *locals, uint32_t frame, uint64_t object, struct frame_local *ret_local)
{
	return holder_runs_find_local(&locals->runs, frame, object, &ret_local->code, &ret_local->slot);
}

bool frame_locals_find(struct frame_locals *locals, uint32_t number, uint64_t object, struct frame_local *ret_local)
{
	const uint32_t frame = frame_locals_frame(locals, number);
	return frame != UINT32_MAX && frame_locals_of(locals, frame, object, ret_local);
}

bool frame_locals_is_frame(const struct frame_locals *locals, uint32_t holder)
{
	return stretch_of(locals, holder)->frames != NULL;
}

uint64_t frame_locals_code(const struct frame_locals *locals, uint32_t holder)
{
	const struct holder_stretch *stretch = stretch_of(locals, holder);
	return stretch->frames != NULL ? frame_list_code(stretch->frames, holder - stretch->first) : 0;
}
