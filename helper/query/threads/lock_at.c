/* SPDX-License-Identifier: MIT */
#include "query/threads/lock_at.h"

static struct lock_thread thread_of(const struct query *query, const struct thread_row *row)
{
	struct lock_thread thread = { .id = query->target->runtime->threads.items[row->index].native_id };
	text_append(&thread.name, text_string(&row->name), row->name.length);
	return thread;
}

static bool waits_for(const struct thread_row *row, uint64_t object)
{
	return row->wait.lock.kind != LOCK_NONE && (row->wait.lock.address == object || row->wait.primitive == object);
}

static void find_owner(const struct query *query, const struct thread_row *row, uint64_t object,
                       struct lock_answer *answer)
{
	for (size_t i = 0; i < row->holds.count && !answer->is_held; i++) {
		if (row->holds.items[i].lock.address != object)
			continue;
		answer->is_held = true;
		answer->source = row->holds.items[i].source;
		answer->owner = thread_of(query, row);
	}
}

static int gather(const struct query *query, const struct threads_answer *threads, uint64_t object,
                  struct lock_answer *answer)
{
	for (size_t i = 0; i < threads->rows.count; i++) {
		const struct thread_row *row = &threads->rows.items[i];
		find_owner(query, row, object, answer);
		if (!waits_for(row, object))
			continue;
		struct lock_thread waiter = thread_of(query, row);
		if (!array_push(&answer->waiters, waiter)) {
			text_free(&waiter.name);
			return query_no_memory(query, "who waits");
		}
	}
	return OK;
}

int query_lock_at(const struct query *query, uint64_t object, struct lock_answer *ret_answer)
{
	struct decoder *decoder = &query->target->naming;
	struct threads_answer threads;
	*ret_answer = (struct lock_answer){ .kind = lock_kind_of(decoder, object) };
	if (ret_answer->kind == LOCK_THREAD)
		ret_answer->kind = LOCK_NONE;
	if (ret_answer->kind == LOCK_NONE)
		return OK;
	int status = query_threads(query, false, &threads);
	if (status >= 0) {
		lock_read(decoder, object, ret_answer->kind, &ret_answer->state);
		status = gather(query, &threads, object, ret_answer);
	}
	threads_answer_clear(&threads);
	return status;
}

void lock_answer_clear(struct lock_answer *answer)
{
	for (size_t i = 0; i < answer->waiters.count; i++)
		text_free(&answer->waiters.items[i].name);
	array_free(&answer->waiters);
	text_free(&answer->owner.name);
}
