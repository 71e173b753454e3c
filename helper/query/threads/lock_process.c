/* SPDX-License-Identifier: MIT
 * Locks that processes share. Those of multiprocessing have a SemLock in C (Modules/_multiprocessing/semaphore.c, the
 * same from 3.8 to 3.15; billiard has it too, as on Python 3 it has no module in C of its own): a pointer to a sem_t in
 * memory that is shared, and of this process alone, how often it took the semaphore and has not given it back, and the
 * thread that took it last. A sem_t says only how often it can still be taken, in its first word (glibc:
 * sysdeps/nptl/internaltypes.h, struct new_sem).
 */
#include "object/value.h"
#include "query/threads/lock.h"

static uint64_t sem_lock_of(struct decoder *decoder, uint64_t object, enum lock_kind kind)
{
	if (kind == LOCK_PROCESS_CONDITION)
		object = value_attribute(&decoder->objects, object, "_lock");
	else if (kind != LOCK_PROCESS_LOCK && kind != LOCK_PROCESS_RLOCK && kind != LOCK_PROCESS_SEMAPHORE)
		return 0;
	const uint64_t sem_lock = object != 0 ? value_attribute(&decoder->objects, object, "_semlock") : 0;
	const uint64_t type = sem_lock != 0 ? value_type(&decoder->objects, sem_lock, NULL) : 0;
	/* A row of a table need not know the module's struct: the size of its type decides which row lends it. */
	return type != 0 && decode_type(decoder, type) != NULL ? sem_lock : 0;
}

uint64_t lock_process_semaphore(struct decoder *decoder, uint64_t object, enum lock_kind kind)
{
	uint64_t semaphore;
	const uint64_t sem_lock = sem_lock_of(decoder, object, kind);
	return sem_lock != 0 && value_field(&decoder->objects, sem_lock, FIELD_SemLockObject_handle, &semaphore)
	               ? semaphore
	               : 0;
}

void lock_process_read(struct decoder *decoder, uint64_t object, enum lock_kind kind, struct lock_state *state)
{
	uint64_t semaphore, last, count, most;
	uint32_t value = 0;
	const uint64_t sem_lock = sem_lock_of(decoder, object, kind);
	struct object_reader *objects = &decoder->objects;
	if (sem_lock == 0 || !value_field(objects, sem_lock, FIELD_SemLockObject_handle, &semaphore) ||
	    !value_field(objects, sem_lock, FIELD_SemLockObject_last_tid, &last) ||
	    !value_field(objects, sem_lock, FIELD_SemLockObject_count, &count) ||
	    !value_field(objects, sem_lock, FIELD_SemLockObject_maxvalue, &most))
		return;
	/* A core has no memory that a file lies behind, unless its process asked for it. */
	const bool is_told = reader_u32(&decoder->reader, semaphore, &value);
	const bool is_taken_here = (int32_t)count > 0 && !(is_told && (int32_t)most == 1 && value > 0);
	state->is_locked = is_told ? value == 0 : is_taken_here && (int32_t)most == 1;
	state->is_known = is_told || state->is_locked;
	state->is_elsewhere = state->is_locked && !is_taken_here;
	if (is_taken_here && (int32_t)most == 1)
		state->owner = last;
	else if (is_taken_here)
		state->last = last;
}

uint64_t lock_filelock_path(struct decoder *decoder, uint64_t object)
{
	struct object_reader *objects = &decoder->objects;
	uint64_t keywords;
	const uint64_t context = value_attribute(objects, object, "_context");
	if (context == 0)
		return 0;
	const uint64_t type = value_type(objects, context, NULL);
	/* One context for each thread: what threading.local() is called with again in each. */
	if (type != 0 && value_type_derives(objects, type, -1, "_thread._local") &&
	    value_field(objects, context, FIELD_localobject_kw, &keywords) && keywords != 0)
		return dict_get_str(objects, keywords, "lock_file");
	return value_attribute(objects, context, "lock_file");
}
