/* SPDX-License-Identifier: MIT
 * Threads that can end a wait: by their numbers, by what their frames know or are inside `with` of. */
#include "query/threads/thread_builder.h"

uint32_t thread_row_of(const struct thread_builder *builder, uint64_t thread_id)
{
	const struct runtime *runtime = builder->query->target->runtime;
	for (uint32_t i = 0; thread_id != 0 && i < builder->threads->rows.count; i++)
		if (runtime->threads.items[builder->threads->rows.items[i].index].thread_id == thread_id)
			return i;
	return THREAD_NONE;
}

bool thread_add_waker(struct thread_wait *wait, uint32_t row)
{
	for (size_t i = 0; i < wait->wakers.count; i++)
		if (wait->wakers.items[i] == row)
			return true;
	return array_push(&wait->wakers, row);
}

bool thread_set_owner(struct thread_wait *wait, uint32_t row, enum owner_source source)
{
	wait->owner = row;
	wait->source = source;
	return thread_add_waker(wait, row);
}

/* ---- Threads that know it ---- */

/* Threads of which a frame knows the object, and, with must_acquire, calls acquire() too. */
bool thread_find_users(struct thread_builder *builder, uint32_t index, uint64_t object, bool must_acquire,
                       enum owner_source source)
{
	struct threads_answer *threads = builder->threads;
	struct thread_wait *wait = &threads->rows.items[index].wait;
	for (size_t i = array_first_not_below(&builder->known, object, object);
	     i < builder->known.count && builder->known.items[i].object == object; i++) {
		const struct known_object *known = &builder->known.items[i];
		const struct thread_wait *other = &threads->rows.items[known->row].wait;
		/* Who waits for the same does not have it. */
		if (known->row == index || other->lock.address == object || other->primitive == object ||
		    (must_acquire && !known->acquires))
			continue;
		if (!thread_add_waker(wait, known->row))
			return false;
	}
	if (wait->wakers.count > 0)
		wait->source = source;
	if (wait->wakers.count == 1)
		wait->owner = wait->wakers.items[0];
	return true;
}

/* The thread that is inside `with` of the object, other than the one that asks. */
const struct with_row *thread_find_with(const struct thread_builder *builder, uint64_t object, uint32_t self)
{
	for (size_t i = 0; i < builder->withs.count; i++)
		if (builder->withs.items[i].object == object && builder->withs.items[i].row != self)
			return &builder->withs.items[i];
	return NULL;
}
