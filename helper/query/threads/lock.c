/* SPDX-License-Identifier: MIT */
#include "query/threads/lock.h"

#include <string.h>

#include "base/limits.h"
#include "object/value.h"

static const struct {
	const char *type_name;
	enum lock_kind kind;
} kinds[] = {
	{ "_thread.lock", LOCK_LOCK },
	{ "_thread.RLock", LOCK_RLOCK },
	{ "threading._RLock", LOCK_PYTHON_RLOCK },
	{ "threading.Condition", LOCK_CONDITION },
	{ "threading.Semaphore", LOCK_SEMAPHORE },
	{ "threading.Event", LOCK_EVENT },
	{ "threading.Barrier", LOCK_BARRIER },
	{ "queue.Queue", LOCK_QUEUE },
	{ "_queue.SimpleQueue", LOCK_SIMPLE_QUEUE },
	{ "queue._PySimpleQueue", LOCK_QUEUE },
	{ "importlib._bootstrap._ModuleLock", LOCK_IMPORT },
	{ "_frozen_importlib._ModuleLock", LOCK_IMPORT },
	{ "threading.Thread", LOCK_THREAD },
	{ "concurrent.futures._base.Future", LOCK_FUTURE },
	{ "multiprocessing.synchronize.Lock", LOCK_PROCESS_LOCK },
	{ "multiprocessing.synchronize.RLock", LOCK_PROCESS_RLOCK },
	{ "multiprocessing.synchronize.SemLock", LOCK_PROCESS_SEMAPHORE },
	{ "multiprocessing.synchronize.Condition", LOCK_PROCESS_CONDITION },
	{ "multiprocessing.synchronize.Event", LOCK_PROCESS_EVENT },
	{ "multiprocessing.synchronize.Barrier", LOCK_PROCESS_BARRIER },
	{ "multiprocessing.queues.Queue", LOCK_PROCESS_QUEUE },
	{ "multiprocessing.queues.SimpleQueue", LOCK_PROCESS_QUEUE },
	/* Celery's multiprocessing. */
	{ "billiard.synchronize.Lock", LOCK_PROCESS_LOCK },
	{ "billiard.synchronize.RLock", LOCK_PROCESS_RLOCK },
	{ "billiard.synchronize.SemLock", LOCK_PROCESS_SEMAPHORE },
	{ "billiard.synchronize.Condition", LOCK_PROCESS_CONDITION },
	{ "billiard.synchronize.Event", LOCK_PROCESS_EVENT },
	{ "billiard.synchronize.Barrier", LOCK_PROCESS_BARRIER },
	{ "billiard.queues.Queue", LOCK_PROCESS_QUEUE },
	{ "billiard.queues._SimpleQueue", LOCK_PROCESS_QUEUE },
	{ "filelock._api.BaseFileLock", LOCK_FILELOCK }, /* 3.x */
	{ "filelock._core._lock.BaseFileLock", LOCK_FILELOCK }, /* 4.x */
};

const char *lock_kind_name(enum lock_kind kind)
{
	static const char *const names[LOCK_KIND_COUNT] = {
		[LOCK_NONE] = "unknown",
		[LOCK_LOCK] = "Lock",
		[LOCK_RLOCK] = "RLock",
		[LOCK_PYTHON_RLOCK] = "RLock",
		[LOCK_CONDITION] = "Condition",
		[LOCK_SEMAPHORE] = "Semaphore",
		[LOCK_EVENT] = "Event",
		[LOCK_BARRIER] = "Barrier",
		[LOCK_QUEUE] = "Queue",
		[LOCK_SIMPLE_QUEUE] = "SimpleQueue",
		[LOCK_IMPORT] = "import lock",
		[LOCK_THREAD] = "Thread",
		[LOCK_FUTURE] = "Future",
		[LOCK_PROCESS_LOCK] = "multiprocessing Lock",
		[LOCK_PROCESS_RLOCK] = "multiprocessing RLock",
		[LOCK_PROCESS_SEMAPHORE] = "multiprocessing Semaphore",
		[LOCK_PROCESS_CONDITION] = "multiprocessing Condition",
		[LOCK_PROCESS_EVENT] = "multiprocessing Event",
		[LOCK_PROCESS_BARRIER] = "multiprocessing Barrier",
		[LOCK_PROCESS_QUEUE] = "multiprocessing Queue",
		[LOCK_FILELOCK] = "FileLock",
		[LOCK_FILE] = "file lock",
		[LOCK_OBJECT] = "lock of an object",
		[LOCK_MUTEX] = "PyMutex",
		[LOCK_PTHREAD] = "pthread mutex",
		[LOCK_GIL] = "GIL",
		[LOCK_NATIVE] = "lock of C code",
		[LOCK_LOST] = "unknown lock",
	};
	return names[kind];
}

uint8_t lock_kind_of_type(struct decoder *decoder, const struct type_info *type)
{
	for (unsigned i = 0; type != NULL && i < LIMIT_TYPE_CHAIN; i++) {
		for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
			if (strcmp(type->name, kinds[k].type_name) == 0)
				return (uint8_t)kinds[k].kind;
		type = type->tp_base != 0 ? decode_type(decoder, type->tp_base) : NULL;
	}
	return LOCK_NONE;
}

enum lock_kind lock_kind_of(struct decoder *decoder, uint64_t object)
{
	uint64_t type;
	if (object == 0 || !value_field(&decoder->objects, object, FIELD_PyObject_ob_type, &type))
		return LOCK_NONE;
	return (enum lock_kind)lock_kind_of_type(decoder, decode_type(decoder, type));
}

static void read_lock(struct decoder *decoder, uint64_t object, struct lock_state *state)
{
	uint64_t word;
	/* Up to 3.13.0 a flag beside a semaphore, since then bit 0 of a PyMutex. */
	state->is_known = value_field(&decoder->objects, object, FIELD_lockobject_locked, &word) ||
	                  value_field(&decoder->objects, object, FIELD_lockobject_lock__bits, &word);
	state->is_locked = state->is_known && (word & 1) != 0;
}

static void read_rlock(struct decoder *decoder, uint64_t object, struct lock_state *state)
{
	uint64_t count = 1;
	/* Since 3.14 a _PyRecursiveMutex: its thread is 0 while nobody has it. */
	state->is_known = value_field(&decoder->objects, object, FIELD_rlockobject_rlock_owner, &state->owner) ||
	                  value_field(&decoder->objects, object, FIELD_rlockobject_lock_thread, &state->owner);
	(void)value_field(&decoder->objects, object, FIELD_rlockobject_rlock_count, &count);
	state->is_locked = state->owner != 0 && count != 0;
	if (!state->is_locked)
		state->owner = 0;
}

static void read_owner_attribute(struct decoder *decoder, uint64_t object, const char *name, struct lock_state *state)
{
	int64_t owner = 0;
	state->is_known = true;
	if (value_int(&decoder->objects, value_attribute(&decoder->objects, object, name), &owner))
		state->owner = (uint64_t)owner;
	state->is_locked = state->owner != 0;
}

void lock_read(struct decoder *decoder, uint64_t object, enum lock_kind kind, struct lock_state *ret_state)
{
	*ret_state = (struct lock_state){ .is_known = false };
	switch (kind) {
	case LOCK_LOCK:
		read_lock(decoder, object, ret_state);
		break;
	case LOCK_RLOCK:
		read_rlock(decoder, object, ret_state);
		break;
	case LOCK_PYTHON_RLOCK:
		read_owner_attribute(decoder, object, "_owner", ret_state);
		break;
	case LOCK_IMPORT:
		read_owner_attribute(decoder, object, "owner", ret_state);
		ret_state->name = value_attribute(&decoder->objects, object, "name");
		break;
	case LOCK_PROCESS_LOCK:
	case LOCK_PROCESS_RLOCK:
	case LOCK_PROCESS_SEMAPHORE:
		lock_process_read(decoder, object, kind, ret_state);
		break;
	default:
		break;
	}
}

uint64_t lock_wait_address(struct decoder *decoder, uint64_t object, enum lock_kind kind)
{
	static const struct {
		enum lock_kind kind;
		enum layout_field pointer, place; /* a pointer to it; where it lies in the object */
	} places[] = {
		{ LOCK_LOCK, FIELD_lockobject_lock_lock, FIELD_lockobject_lock },
		{ LOCK_RLOCK, FIELD_rlockobject_rlock_lock, FIELD_rlockobject_lock_mutex },
		{ LOCK_SIMPLE_QUEUE, FIELD_simplequeueobject_lock, FIELD_simplequeueobject_has_threads_waiting },
	};
	uint64_t address;
	if (lock_is_of_processes(kind) && kind != LOCK_PROCESS_CONDITION)
		return lock_process_semaphore(decoder, object, kind);
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		if (places[i].kind != kind)
			continue;
		if (value_field(&decoder->objects, object, places[i].pointer, &address))
			return address;
		if (layout_has(decoder->layout, places[i].place))
			return object + layout_offset(decoder->layout, places[i].place);
	}
	return 0;
}
