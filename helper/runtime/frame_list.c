/* SPDX-License-Identifier: MIT */
#include "runtime/frame_list.h"

#include "base/large_block.h"

void frame_list_clear(struct frame_list *frames)
{
	large_free(frames->places);
	array_free(&frames->forms);
	*frames = (struct frame_list){ .count = 0 };
}

bool frame_list_reserve(struct frame_list *frames, size_t more)
{
	if (frames->count + more <= frames->capacity)
		return true;
	struct frame_place *places = large_reallocate(frames->places, frames->count + more, sizeof *places);
	if (places == NULL)
		return false;
	frames->places = places;
	frames->capacity = frames->count + more;
	return true;
}

bool frame_list_push(struct frame_list *frames, const struct python_frame *frame)
{
	if (frames->forms.count >= UINT32_MAX || !array_push(&frames->forms, *frame))
		return false;
	frame_list_push_alike(frames, (uint32_t)frames->forms.count - 1, frame->address, frame->stack_depth);
	frames->places[frames->count - 1].ends_call = frame->ends_call;
	return true;
}

void frame_list_push_alike(struct frame_list *frames, uint32_t form, uint64_t address, int32_t stack_depth)
{
	frames->places[frames->count++] = (struct frame_place){ .address = address,
		                                                .form = form,
		                                                .stack_depth = stack_depth,
		                                                .ends_call = frames->forms.items[form].ends_call };
}
