/* SPDX-License-Identifier: MIT
 * Who has a lock that processes share. Of a lock of multiprocessing a thread of this process is known by its SemLock;
 * if none has it, another process has. Who has a lock on a file only the kernel knows, which is asked where the target
 * is live; in a core there are only the threads that know a file of the same name and call flock(). */
#include "base/limits.h"
#include "memory/live/file_locks.h"
#include "memory/live/sharing_processes.h"
#include "object/value.h"
#include "query/threads/thread_builder.h"

/* ---- multiprocessing ---- */

static bool has_semaphore(enum lock_kind kind)
{
	return kind == LOCK_PROCESS_LOCK || kind == LOCK_PROCESS_RLOCK || kind == LOCK_PROCESS_SEMAPHORE;
}

/* Of all locks that have the semaphore: one that was unpickled twice in a child has two objects. */
static bool find_by_semaphore(struct thread_builder *builder, struct thread_wait *wait, uint64_t semaphore)
{
	for (size_t i = 0; i < builder->locks.count && wait->wakers.count == 0; i++) {
		const struct instance *lock = &builder->locks.items[i];
		struct lock_state state;
		if (!has_semaphore(lock->role) ||
		    lock_process_semaphore(builder->decoder, lock->address, lock->role) != semaphore)
			continue;
		lock_read(builder->decoder, lock->address, lock->role, &state);
		const uint32_t row = thread_row_of(builder, state.owner != 0 ? state.owner : state.last);
		if (row != THREAD_NONE && !thread_set_owner(wait, row, state.owner != 0 ? OWNER_FIELD : OWNER_LAST))
			return false;
	}
	return true;
}

static bool find_semaphore_owner(struct thread_builder *builder, uint32_t index)
{
	struct thread_wait *wait = &builder->threads->rows.items[index].wait;
	const uint64_t semaphore = lock_process_semaphore(builder->decoder, wait->lock.address, wait->lock.kind);
	if (semaphore != 0 && !find_by_semaphore(builder, wait, semaphore))
		return false;
	const struct with_row *with = thread_find_with(builder, wait->lock.address, index);
	if (wait->wakers.count == 0 && with != NULL && !thread_set_owner(wait, with->row, OWNER_WITH))
		return false;
	if (wait->source == OWNER_FIELD || wait->source == OWNER_WITH)
		return true;
	wait->elsewhere = wait->lock.kind == LOCK_PROCESS_SEMAPHORE ? ELSEWHERE_PERHAPS : ELSEWHERE_HELD;
	return semaphore == 0 || sharing_processes_find(builder->query->target->space, semaphore,
	                                                builder->query->progress, &wait->sharing);
}

/* ---- Files ---- */

/* What the kernel says; false: nothing. */
static bool ask_kernel(struct thread_builder *builder, struct thread_row *row, const char *path)
{
	struct file_lock lock;
	const struct address_space *space = builder->query->target->space;
	if (path == NULL ? !file_lock_of_descriptor(space, row->descriptor.number, &lock)
	                 : !file_lock_of_path(space, path, &lock))
		return false;
	row->wait.elsewhere = ELSEWHERE_KERNEL;
	row->wait.process = lock.process;
	row->wait.descriptor = lock.descriptor;
	return true;
}

/* Whether two str are equal. */
static bool are_equal(struct object_reader *objects, uint64_t left, uint64_t right)
{
	struct text text = { .bytes = NULL };
	const bool equal = left != 0 && right != 0 && value_str(objects, left, LIMIT_FILE_NAME, &text) >= 0 &&
	                   value_str_matches(objects, right, text_string(&text), text.length);
	text_free(&text);
	return equal;
}

/* Threads of which a frame calls flock() and knows another file of that name. */
static bool find_by_name(struct thread_builder *builder, uint32_t index)
{
	struct object_reader *objects = &builder->decoder->objects;
	const uint64_t self = builder->threads->rows.items[index].wait.lock.address;
	const uint64_t name = self != 0 ? value_attribute(objects, self, "name") : 0;
	for (size_t i = 0; name != 0 && i < builder->files.count; i++) {
		const struct instance *file = &builder->files.items[i];
		if (file->role != ROLE_FILE || file->address == self ||
		    !are_equal(objects, name, value_attribute(objects, file->address, "name")))
			continue;
		if (!thread_find_users(builder, index, file->address, true, OWNER_PERHAPS))
			return false;
	}
	return true;
}

static bool find_file_owner(struct thread_builder *builder, uint32_t index)
{
	struct thread_row *row = &builder->threads->rows.items[index];
	if (!ask_kernel(builder, row, NULL)) {
		row->wait.elsewhere = ELSEWHERE_UNKNOWN;
		return find_by_name(builder, index);
	}
	const uint64_t object = row->wait.descriptor >= 0 ? thread_object_with(builder, row->wait.descriptor) : 0;
	return object == 0 || thread_find_users(builder, index, object, false, OWNER_USES);
}

/* The thread that is inside `with` of another FileLock of that path, or else knows one and calls acquire(). */
static bool find_filelock_owner(struct thread_builder *builder, uint32_t index)
{
	struct object_reader *objects = &builder->decoder->objects;
	struct thread_row *row = &builder->threads->rows.items[index];
	const uint64_t path = lock_filelock_path(builder->decoder, row->wait.lock.address);
	struct text text = { .bytes = NULL };
	bool done = true;
	for (int guess = 0; guess <= 1; guess++)
		for (size_t i = 0; done && row->wait.wakers.count == 0 && i < builder->locks.count; i++) {
			const uint64_t lock = builder->locks.items[i].address;
			if (builder->locks.items[i].role != LOCK_FILELOCK ||
			    (lock != row->wait.lock.address &&
			     !are_equal(objects, path, lock_filelock_path(builder->decoder, lock))))
				continue;
			const struct with_row *with = thread_find_with(builder, lock, index);
			if (with != NULL)
				done = thread_set_owner(&row->wait, with->row, OWNER_WITH);
			else if (guess == 1)
				done = thread_find_users(builder, index, lock, true, OWNER_PERHAPS);
		}
	if (row->wait.source != OWNER_WITH && path != 0 && value_str(objects, path, LIMIT_FILE_NAME, &text) > 0 &&
	    !ask_kernel(builder, row, text_string(&text)))
		row->wait.elsewhere = ELSEWHERE_UNKNOWN;
	text_free(&text);
	return done;
}

bool thread_shared_owner_find(struct thread_builder *builder, uint32_t index)
{
	struct thread_wait *wait = &builder->threads->rows.items[index].wait;
	wait->descriptor = -1;
	switch (wait->lock.kind) {
	case LOCK_PROCESS_LOCK:
	case LOCK_PROCESS_RLOCK:
	case LOCK_PROCESS_SEMAPHORE:
		return find_semaphore_owner(builder, index);
	case LOCK_FILELOCK:
		return find_filelock_owner(builder, index);
	case LOCK_FILE:
		return find_file_owner(builder, index);
	default:
		wait->elsewhere = ELSEWHERE_PERHAPS;
		return true;
	}
}
