/* SPDX-License-Identifier: MIT */
#include "graph/frontier.h"

#include <string.h>

void frontier_init(struct frontier *frontier, struct decoder *decoder, struct visited *visited)
{
	*frontier = (struct frontier){ .decoder = decoder, .visited = visited };
}

void frontier_clear(struct frontier *frontier)
{
	array_free(&frontier->runs);
	array_free(&frontier->odd);
	frontier->next = frontier->ready_count = frontier->drawn_count = 0;
}

void frontier_add_run(struct frontier *frontier, const struct run *run)
{
	struct pending_run pending = { run->slots, run->count, run->stride, run->flags };
	if (!array_push(&frontier->runs, pending))
		frontier->out_of_memory = true;
}

static bool add_odd(struct frontier *frontier, uint64_t address)
{
	if (frontier->pool != NULL)
		return array_push(&frontier->odd, address);
	return visited_add_odd(frontier->visited, address);
}

/* Enters an object in the set of visited ones; true with its head where it was not there. */
static inline __attribute__((always_inline)) bool enter(struct frontier *frontier, uint64_t address,
                                                        struct object_head *ret_head)
{
	const struct segment *segment = reader_segment(&frontier->decoder->reader, address);
	if (__builtin_expect(segment == NULL, 0)) {
		if (frontier->wild++ == 0 || address < frontier->wild_example)
			frontier->wild_example = address;
		return false;
	}
	const uint64_t granule = segment_granule(segment, address);
	if (!(frontier->pool == NULL ? visited_add(frontier->visited, granule)
	                             : visited_add_shared(frontier->visited, granule)))
		return false;
	if (__builtin_expect((address & 8) != 0, 0) && !add_odd(frontier, address))
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

bool frontier_settle(struct frontier *frontier)
{
	bool settled = true;
	for (size_t i = 0; settled && i < frontier->odd.count; i++)
		settled = visited_add_odd(frontier->visited, frontier->odd.items[i]);
	array_free(&frontier->odd);
	frontier->pool = NULL;
	return settled;
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
			if (!enter(frontier, target, &batch[drawn].head))
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

static bool next_batch(struct frontier *frontier)
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
