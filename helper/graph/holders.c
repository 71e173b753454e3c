/* SPDX-License-Identifier: MIT */
#include "graph/holders.h"

void holders_clear(struct holders *holders)
{
	array_free(&holders->rows);
	array_free(&holders->stretches);
	holders->count = 0;
}

bool holders_push(struct holders *holders, const struct holder *holder)
{
	const size_t count = holders->stretches.count;
	struct holder_stretch *last = count > 0 ? &holders->stretches.items[count - 1] : NULL;
	struct holder row = *holder;
	row.number = holders->count;
	if (holders->count == UINT32_MAX || !array_push(&holders->rows, row))
		return false;
	if (last == NULL || last->frames != NULL) {
		const struct holder_stretch added = { holders->count, holders->count, (uint32_t)holders->rows.count - 1,
			                              NULL };
		if (!array_push(&holders->stretches, added))
			return false;
		last = &holders->stretches.items[holders->stretches.count - 1];
	}
	last->end = ++holders->count;
	return true;
}

bool holders_push_frames(struct holders *holders, const struct frame_list *frames)
{
	if (frames->count == 0)
		return true;
	if (frames->count > UINT32_MAX - holders->count)
		return false;
	const struct holder_stretch added = { holders->count, holders->count + (uint32_t)frames->count,
		                              (uint32_t)holders->rows.count - 1, frames };
	if (!array_push(&holders->stretches, added))
		return false;
	holders->count = added.end;
	return true;
}

struct holder holders_at(const struct holders *holders, uint32_t number)
{
	const struct holder_stretch *stretch = holders_stretch(holders, number);
	const uint32_t index = number - stretch->first;
	if (stretch->frames == NULL)
		return holders->rows.items[stretch->row + index];
	const struct holder *thread = &holders->rows.items[stretch->row];
	return (struct holder){ .kind = HOLDER_FRAME,
		                .number = number,
		                .parent = thread->number,
		                .address = stretch->frames->places[index].address,
		                .thread = thread->thread,
		                .depth = index };
}

struct python_frame holders_frame(const struct holders *holders, uint32_t number)
{
	const struct holder_stretch *stretch = holders_stretch(holders, number);
	return frame_list_at(stretch->frames, number - stretch->first);
}

bool holders_next_with_object(const struct holders *holders, uint32_t *number, struct python_frame *ret_frame)
{
	while (*number < holders->count) {
		const struct holder_stretch *stretch = holders_stretch(holders, *number);
		for (uint32_t i = *number - stretch->first;
		     stretch->frames != NULL && i < stretch->end - stretch->first; i++) {
			const struct python_frame *form = frame_list_form(stretch->frames, i);
			if (form->frame_object == 0 && form->owner != FRAME_OWNED_BY_GENERATOR)
				continue;
			*number = stretch->first + i;
			*ret_frame = frame_list_at(stretch->frames, i);
			return true;
		}
		*number = stretch->end;
	}
	return false;
}
