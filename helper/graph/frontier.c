/* SPDX-License-Identifier: MIT */
#include "graph/frontier.h"

#include <string.h>

#include "graph/object_head.h"

void frontier_init(struct frontier *frontier, struct decoder *decoder, struct visited *visited)
{
	*frontier = (struct frontier){ .decoder = decoder, .visited = visited, .mark = UINT64_MAX };
}

void frontier_clear(struct frontier *frontier)
{
	array_free(&frontier->runs);
	frontier->next = frontier->ready_count = frontier->drawn_count = 0;
}

void frontier_add_run(struct frontier *frontier, const struct run *run)
{
	frontier_add_words(frontier, (struct pending_run){ run->slots, run->count, run->stride, run->flags });
}

/* A reference that leads to no object. */
static __attribute__((noinline, cold)) void note_bad(struct frontier *frontier, const struct segment *segment,
                                                     const struct object_head *head)
{
	const bool is_absent = segment != NULL && (head->address & 7) == 0 && head->bytes == NULL &&
	                       address_space_state(frontier->decoder->reader.space, head->address) == MEMORY_ABSENT;
	const char *reason = "ob_type is not a type object";
	if (is_absent)
		reason = "not in the dump";
	else if (segment == NULL)
		reason = "a reference to memory that is not mapped";
	else if (head->bytes == NULL)
		reason = "not an address of an object";
	*(is_absent ? &frontier->coverage.unreadable : &frontier->coverage.corrupt) += 1;
	coverage_note(&frontier->coverage, head->address, reason);
}

/* Where the head of an object may be that was not reached yet. */
static inline __attribute__((always_inline)) bool look_at(struct frontier *frontier, uint64_t address,
                                                          struct upcoming *ret_upcoming)
{
	const struct segment *segment = reader_segment(&frontier->decoder->reader, address);
	if (__builtin_expect(segment == NULL || segment->data == NULL || (address & 7) != 0, 0)) {
		note_bad(frontier, segment, &(struct object_head){ .address = address });
		return false;
	}
	const uint64_t place = visited_place(frontier->visited, segment, address);
	if (visited_has(frontier->visited, place)) {
		frontier->is_mark_met |= place == frontier->mark;
		return false;
	}
	ret_upcoming->place = place;
	ret_upcoming->head = decode_head_in(frontier->decoder, segment, address);
	return true;
}

static inline __attribute__((always_inline)) const struct type_info *type_of(struct frontier *frontier,
                                                                             const struct object_head *head)
{
	return head->bytes != NULL ? decode_head_type(frontier->decoder, head->bytes) : NULL;
}

/* Enters what was looked at, its type known, in the set of visited ones; true where it is an object and was not there.
 */
static inline __attribute__((always_inline)) bool enter(struct frontier *frontier, const struct upcoming *upcoming,
                                                        bool is_shared)
{
	const struct object_head *head = &upcoming->head;
	if (__builtin_expect(upcoming->type == NULL, 0) ||
	    __builtin_expect((head->address & 8) != 0 && is_inside_object(frontier->decoder, head->address), 0)) {
		note_bad(frontier, address_space_find(frontier->decoder->reader.space, head->address), head);
		return false;
	}
	return is_shared ? visited_add_shared(frontier->visited, upcoming->place)
	                 : visited_add(frontier->visited, upcoming->place);
}

bool frontier_take(struct frontier *frontier, uint64_t address, struct upcoming *ret_upcoming)
{
	if (!look_at(frontier, address, ret_upcoming))
		return false;
	ret_upcoming->type = type_of(frontier, &ret_upcoming->head);
	return enter(frontier, ret_upcoming, frontier->pool != NULL);
}

bool frontier_pool_open(struct frontier_pool *pool)
{
	*pool = (struct frontier_pool){ .active = 1 };
	if (pthread_mutex_init(&pool->lock, NULL) != 0)
		return false;
	if (pthread_cond_init(&pool->changed, NULL) == 0)
		return true;
	(void)pthread_mutex_destroy(&pool->lock);
	return false;
}

void frontier_pool_close(struct frontier_pool *pool)
{
	(void)pthread_cond_destroy(&pool->changed);
	(void)pthread_mutex_destroy(&pool->lock);
	array_free(&pool->runs);
}

void frontier_pool_stop(struct frontier_pool *pool)
{
	(void)pthread_mutex_lock(&pool->lock);
	atomic_store_explicit(&pool->is_over, true, memory_order_relaxed);
	(void)pthread_cond_broadcast(&pool->changed);
	(void)pthread_mutex_unlock(&pool->lock);
}

void frontier_join(struct frontier *frontier, struct frontier_pool *pool)
{
	(void)pthread_mutex_lock(&pool->lock);
	pool->active++;
	(void)pthread_mutex_unlock(&pool->lock);
	frontier->pool = pool;
}

/* With the lock held. */
static void become_idle(struct frontier_pool *pool)
{
	if (--pool->active > 0 || pool->runs.count > 0)
		return;
	atomic_store_explicit(&pool->is_over, true, memory_order_relaxed);
	(void)pthread_cond_broadcast(&pool->changed);
}

void frontier_leave(struct frontier *frontier)
{
	struct frontier_pool *pool = frontier->pool;
	(void)pthread_mutex_lock(&pool->lock);
	become_idle(pool);
	(void)pthread_mutex_unlock(&pool->lock);
}

/* The older half of the runs; of a single long one the far half. */
static void give(struct frontier *frontier)
{
	struct frontier_pool *pool = frontier->pool;
	struct run_sink *runs = &frontier->runs;
	struct pending_run *oldest = runs->items;
	size_t half = runs->count / 2;
	bool is_long = runs->count > 0 && oldest->count >= 4 * BATCH_LENGTH;
	if (half < BATCH_LENGTH / 2 && !is_long)
		return; /* it will be done sooner than somebody woken */
	if (pthread_mutex_trylock(&pool->lock) != 0)
		return;
	if (is_long && array_reserve(&pool->runs, pool->runs.count + 1)) {
		struct pending_run far = *oldest;
		far.count = oldest->count / 2;
		oldest->count -= far.count;
		far.slots += oldest->count * oldest->stride;
		pool->runs.items[pool->runs.count++] = far;
	} else if (!is_long && array_reserve(&pool->runs, pool->runs.count + half)) {
		memcpy(pool->runs.items + pool->runs.count, runs->items, half * sizeof *runs->items);
		memmove(runs->items, runs->items + half, (runs->count - half) * sizeof *runs->items);
		pool->runs.count += half;
		runs->count -= half;
	}
	(void)pthread_cond_broadcast(&pool->changed);
	(void)pthread_mutex_unlock(&pool->lock);
}

/* Waits for runs that others have to spare; false: all is done. */
static bool take(struct frontier *frontier)
{
	struct frontier_pool *pool = frontier->pool;
	(void)pthread_mutex_lock(&pool->lock);
	become_idle(pool);
	atomic_fetch_add_explicit(&pool->waiting, 1, memory_order_relaxed);
	while (pool->runs.count == 0 && !atomic_load_explicit(&pool->is_over, memory_order_relaxed))
		(void)pthread_cond_wait(&pool->changed, &pool->lock);
	atomic_fetch_sub_explicit(&pool->waiting, 1, memory_order_relaxed);
	pool->active++;
	size_t count = pool->runs.count - pool->runs.count / 2;
	bool is_taken = !atomic_load_explicit(&pool->is_over, memory_order_relaxed);
	if (is_taken && array_reserve(&frontier->runs, frontier->runs.count + count)) {
		pool->runs.count -= count;
		memcpy(frontier->runs.items + frontier->runs.count, pool->runs.items + pool->runs.count,
		       count * sizeof *frontier->runs.items);
		frontier->runs.count += count;
	} else if (is_taken) {
		frontier->out_of_memory = true;
		is_taken = false;
	}
	(void)pthread_mutex_unlock(&pool->lock);
	return is_taken;
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
			if (target == 0)
				continue;
			frontier->slots_drawn++;
			if (!look_at(frontier, target, &batch[drawn]))
				continue;
			/* A number, since the memory of a head may begin there, or not be at hand. */
			const uintptr_t head = (uintptr_t)batch[drawn++].head.bytes;
			/* Words in front of it, and what most objects have in the next cache line. */
			__builtin_prefetch((const void *)(head - 32));
			__builtin_prefetch((const void *)(head + 32));
		}
		run->slots = slot;
		run->count = left;
		frontier->runs.count -= left == 0;
	}
	frontier->drawn_count = drawn;
}

static inline void look_ahead(struct frontier *frontier, const struct upcoming *upcoming)
{
	if (upcoming->type == NULL || upcoming->type->ahead == 0)
		return;
	struct reader *reader = &frontier->decoder->reader;
	const struct object_head *head = &upcoming->head;
	const int64_t ahead = upcoming->type->ahead;
	/* As a rule a field of the object; it may be a word in front of it. */
	const uint8_t *slot = ahead > 0 && (uint64_t)ahead + 8 <= head->available
	                              ? head->bytes + ahead
	                              : reader_at(reader, head->address + (uint64_t)ahead, 8);
	uint64_t target = slot != NULL ? load_u64(slot) : 0;
	const struct segment *segment = target != 0 ? reader_segment(reader, target) : NULL;
	if (segment != NULL && segment->data != NULL)
		__builtin_prefetch(segment->data + (target - segment->start));
}

/* The batch that was drawn is given out, without what is no object or was drawn twice. Entering one in a set that is
 * shared waits for all that was loaded before: so the types of all are looked up first, and what they lead to is on its
 * way. */
static inline __attribute__((always_inline)) uint32_t enter_batch(struct frontier *frontier, bool is_shared)
{
	struct upcoming *batch = frontier->batches[frontier->ready];
	const uint32_t drawn = frontier->drawn_count;
	for (uint32_t i = 0; i < drawn; i++) {
		batch[i].type = type_of(frontier, &batch[i].head);
		look_ahead(frontier, &batch[i]);
	}
	uint32_t entered = 0;
	for (uint32_t i = 0; i < drawn; i++) {
		if (!enter(frontier, &batch[i], is_shared))
			continue;
		if (__builtin_expect(entered != i, 0))
			batch[entered] = batch[i];
		entered++;
	}
	return entered;
}

static bool next_batch(struct frontier *frontier)
{
	if (frontier->drawn_count == 0)
		draw_batch(frontier);
	do {
		frontier->ready = !frontier->ready;
		frontier->ready_count =
		        frontier->pool != NULL ? enter_batch(frontier, true) : enter_batch(frontier, false);
		frontier->next = 0;
		draw_batch(frontier);
	} while (frontier->ready_count == 0 && frontier->drawn_count > 0);
	return frontier->ready_count > 0;
}

bool frontier_refill(struct frontier *frontier)
{
	struct frontier_pool *pool = frontier->pool;
	if (pool == NULL)
		return next_batch(frontier);
	do {
		if (atomic_load_explicit(&pool->is_over, memory_order_relaxed))
			return false;
		if (atomic_load_explicit(&pool->waiting, memory_order_relaxed) > 0)
			give(frontier);
		if (next_batch(frontier))
			return true;
	} while (frontier->is_patient && take(frontier));
	return false;
}
