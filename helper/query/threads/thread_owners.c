/* SPDX-License-Identifier: MIT
 * Who has a lock: what it says itself; else the frames that are inside `with` of it; else those that know it and call
 * acquire(), which is a guess and said to be one. Who can end another wait: the thread that is joined, the thread that
 * does a future's work, the threads that know the queue or event. */
#include "object/value.h"
#include "query/threads/thread_builder.h"

/* ---- Owners ---- */

/* A lock that one thread has. */
static bool find_lock_owner(struct thread_builder *builder, uint32_t index, uint64_t object, enum lock_kind kind)
{
	struct thread_wait *wait = &builder->threads->rows.items[index].wait;
	struct lock_state state;
	lock_read(builder->decoder, object, kind, &state);
	if (kind == LOCK_IMPORT)
		wait->lock.name = state.name;
	const uint32_t owner = thread_row_of(builder, state.owner);
	if (owner != THREAD_NONE)
		return thread_set_owner(wait, owner, OWNER_FIELD);
	const struct with_row *with = thread_find_with(builder, object, index);
	if (with != NULL)
		return thread_set_owner(wait, with->row, OWNER_WITH);
	if (kind != LOCK_LOCK)
		return true;
	return thread_find_users(builder, index, object, true, OWNER_PERHAPS);
}

static bool find_joined(struct thread_builder *builder, uint32_t index, uint64_t thread)
{
	struct object_reader *objects = &builder->decoder->objects;
	struct thread_wait *wait = &builder->threads->rows.items[index].wait;
	int64_t identity;
	uint32_t row = THREAD_NONE;
	if (value_int(objects, value_attribute(objects, thread, "_ident"), &identity))
		row = thread_row_of(builder, (uint64_t)identity);
	return row == THREAD_NONE || thread_set_owner(wait, row, OWNER_FIELD);
}

/* The thread that does the work of a concurrent.futures.Future: _WorkItem.run() of concurrent/futures/thread.py. */
static bool find_worker(struct thread_builder *builder, uint32_t index, uint64_t future)
{
	struct object_reader *objects = &builder->decoder->objects;
	struct threads_answer *threads = builder->threads;
	for (uint32_t i = 0; i < threads->rows.count; i++)
		for (size_t k = 0; i != index && k < threads->rows.items[i].frames.count; k++) {
			const struct frame_list *frames = &threads->rows.items[i].frames;
			if (!code_is_named(builder->decoder, frame_list_code(frames, k), "run"))
				continue;
			const struct python_frame frame = frame_list_at(frames, k);
			const uint64_t self = frame_self(builder->decoder, &frame);
			if (self != 0 && value_attribute(objects, self, "future") == future)
				return thread_set_owner(&threads->rows.items[index].wait, i, OWNER_RUNS);
		}
	return true;
}

static bool find_gil_holder(struct thread_builder *builder, uint32_t index)
{
	struct threads_answer *threads = builder->threads;
	const struct runtime *runtime = builder->query->target->runtime;
	const uint64_t interpreter = runtime->threads.items[threads->rows.items[index].index].interpreter;
	uint32_t holder = THREAD_NONE;
	for (uint32_t i = 0; i < threads->rows.count; i++)
		if (threads->rows.items[i].gil == GIL_HOLDS &&
		    (holder == THREAD_NONE ||
		     runtime->threads.items[threads->rows.items[i].index].interpreter == interpreter))
			holder = i;
	return holder == THREAD_NONE || thread_set_owner(&threads->rows.items[index].wait, holder, OWNER_FIELD);
}

/* Whether a thread is inside a critical section of a mutex (Include/internal/pycore_critical_section.h, 3.13+): its
 * sections are a chain of which those behind an inactive one are inactive too, their mutexes given back. */
static bool is_in_section(struct thread_builder *builder, const struct thread_row *row, uint64_t mutex)
{
	enum { INACTIVE = 1, TWO_MUTEXES = 2, MASK = 3, SECTIONS_LOOKED_AT = 256 };
	struct object_reader *objects = &builder->decoder->objects;
	const uint64_t state = builder->query->target->runtime->threads.items[row->index].address;
	uint64_t at, held;
	if (!value_field(objects, state, FIELD_PyThreadState_critical_section, &at))
		return false;
	for (int i = 0; i < SECTIONS_LOOKED_AT && at != 0 && (at & INACTIVE) == 0; i++) {
		const uint64_t section = at & ~(uint64_t)MASK;
		if (value_field(objects, section, FIELD_PyCriticalSection__cs_mutex, &held) && held == mutex)
			return true;
		if ((at & TWO_MUTEXES) && value_field(objects, section, FIELD_PyCriticalSection2__cs_mutex2, &held) &&
		    held == mutex)
			return true;
		if (!value_field(objects, section, FIELD_PyCriticalSection__cs_prev, &at))
			return false;
	}
	return false;
}

/* A PyMutex does not say who has it; the thread that is in a critical section of it does. */
static bool find_section(struct thread_builder *builder, uint32_t index)
{
	const struct layout *layout = builder->decoder->layout;
	struct thread_wait *wait = &builder->threads->rows.items[index].wait;
	const uint64_t mutex = wait->lock.address +
	                       (wait->lock.kind == LOCK_OBJECT ? layout_offset(layout, FIELD_PyObject_ob_mutex) : 0);
	for (uint32_t i = 0; i < builder->threads->rows.count; i++)
		if (i != index && is_in_section(builder, &builder->threads->rows.items[i], mutex))
			return thread_set_owner(wait, i, OWNER_FIELD);
	return true;
}

static bool find_owner(struct thread_builder *builder, uint32_t index)
{
	struct thread_wait *wait = &builder->threads->rows.items[index].wait;
	const uint64_t object = wait->lock.address;
	switch (wait->lock.kind) {
	case LOCK_GIL:
		return find_gil_holder(builder, index);
	case LOCK_PTHREAD:
		return thread_add_waker(wait, wait->owner);
	case LOCK_OBJECT:
	case LOCK_MUTEX:
		return find_section(builder, index);
	case LOCK_LOCK:
	case LOCK_RLOCK:
	case LOCK_PYTHON_RLOCK:
	case LOCK_IMPORT:
		return find_lock_owner(builder, index, object, wait->lock.kind);
	case LOCK_SEMAPHORE:
		if (!find_lock_owner(builder, index, object, LOCK_SEMAPHORE))
			return false;
		return wait->wakers.count > 0 || thread_find_users(builder, index, object, false, OWNER_USES);
	case LOCK_THREAD:
		return find_joined(builder, index, object) && thread_shutdown_wakers_find(builder, index);
	case LOCK_FUTURE:
		return find_worker(builder, index, object);
	case LOCK_QUEUE:
	case LOCK_SIMPLE_QUEUE:
	case LOCK_EVENT:
	case LOCK_CONDITION:
	case LOCK_BARRIER:
		return thread_find_users(builder, index, object, false, OWNER_USES);
	case LOCK_FILELOCK:
	case LOCK_FILE:
		return thread_shared_owner_find(builder, index);
	default:
		return !lock_is_of_processes(wait->lock.kind) || thread_shared_owner_find(builder, index);
	}
}

/* ---- What each holds ---- */

static uint32_t count_waiters(const struct threads_answer *threads, uint64_t object)
{
	uint32_t count = 0;
	for (size_t i = 0; i < threads->rows.count; i++)
		count += threads->rows.items[i].wait.lock.kind != LOCK_NONE &&
		         (threads->rows.items[i].wait.lock.address == object ||
		          threads->rows.items[i].wait.primitive == object);
	return count;
}

static bool add_hold(struct thread_builder *builder, uint32_t index, const struct thread_hold *hold)
{
	struct thread_row *row = &builder->threads->rows.items[index];
	for (size_t i = 0; i < row->holds.count; i++) {
		struct thread_hold *other = &row->holds.items[i];
		if (other->lock.address != hold->lock.address)
			continue;
		if (other->place == THREAD_NONE)
			other->place = hold->place;
		return true;
	}
	struct thread_hold added = *hold;
	added.waiters = count_waiters(builder->threads, hold->lock.address);
	return array_push(&row->holds, added);
}

static bool find_holds(struct thread_builder *builder)
{
	for (size_t i = 0; i < builder->locks.count; i++) {
		const struct instance *lock = &builder->locks.items[i];
		struct lock_state state;
		lock_read(builder->decoder, lock->address, lock->role, &state);
		const uint32_t owner = thread_row_of(builder, state.owner);
		const struct thread_hold hold = {
			.lock = { .kind = lock->role, .address = lock->address, .name = state.name },
			.source = OWNER_FIELD,
			.place = THREAD_NONE
		};
		if (owner != THREAD_NONE && !add_hold(builder, owner, &hold))
			return false;
	}
	for (size_t i = 0; i < builder->withs.count; i++) {
		const struct with_row *with = &builder->withs.items[i];
		const enum lock_kind kind = lock_kind_of(builder->decoder, with->object);
		const struct thread_hold hold = { .lock = { .kind = kind, .address = with->object },
			                          .source = OWNER_WITH,
			                          .place = with->frame };
		/* In Condition.wait() the lock is given back till somebody notifies. */
		if (kind == LOCK_NONE || kind == LOCK_THREAD || kind == LOCK_FUTURE ||
		    ((kind == LOCK_CONDITION || kind == LOCK_PROCESS_CONDITION) &&
		     builder->threads->rows.items[with->row].wait.lock.kind != LOCK_NONE))
			continue;
		if (!add_hold(builder, with->row, &hold))
			return false;
	}
	return true;
}

/* Guesses that turned out to be the only explanation: shown with who holds it too. */
static bool add_guesses(struct thread_builder *builder)
{
	struct threads_answer *threads = builder->threads;
	for (uint32_t i = 0; i < threads->rows.count; i++) {
		const struct thread_wait *wait = &threads->rows.items[i].wait;
		const struct thread_hold hold = { .lock = wait->lock, .source = OWNER_PERHAPS, .place = THREAD_NONE };
		if (wait->source == OWNER_PERHAPS && wait->owner != THREAD_NONE &&
		    !add_hold(builder, wait->owner, &hold))
			return false;
	}
	return true;
}

bool thread_owners_find(struct thread_builder *builder)
{
	for (uint32_t i = 0; i < builder->threads->rows.count; i++)
		if (!find_owner(builder, i))
			return false;
	return find_holds(builder) && add_guesses(builder);
}
