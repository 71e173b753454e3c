/* SPDX-License-Identifier: MIT
 * lock: what threads wait for: locks, and what the library makes of them. What such an object says of itself, and where
 * in memory the kernel is told to wait for it. */
#ifndef PYDS_QUERY_LOCK_H
#define PYDS_QUERY_LOCK_H

#include "decode/decoder.h"

enum lock_kind {
	LOCK_NONE,
	LOCK_LOCK, /* _thread.lock: threading.Lock */
	LOCK_RLOCK, /* _thread.RLock */
	LOCK_PYTHON_RLOCK, /* threading._RLock */
	LOCK_CONDITION,
	LOCK_SEMAPHORE,
	LOCK_EVENT,
	LOCK_BARRIER,
	LOCK_QUEUE, /* queue.Queue and what derives from it */
	LOCK_SIMPLE_QUEUE,
	LOCK_IMPORT, /* importlib's lock of one module */
	LOCK_THREAD, /* Thread.join() */
	LOCK_FUTURE, /* concurrent.futures.Future.result() */
	LOCK_PROCESS, /* multiprocessing: other processes may hold it */
	/* Below: no objects, found by where a thread sleeps. */
	LOCK_OBJECT, /* the lock of an object, free-threaded: address is the object's */
	LOCK_MUTEX, /* a PyMutex of C code */
	LOCK_PTHREAD, /* a pthread_mutex_t: address is its own */
	LOCK_GIL,
	LOCK_NATIVE, /* another futex */
	LOCK_KIND_COUNT
};
const char *lock_kind_name(enum lock_kind kind); /* "Lock", "Queue", "import lock", ... */

/* What instances of a type are; its bases count. For instances_find(). */
uint8_t lock_kind_of_type(struct decoder *decoder, const struct type_info *type);
enum lock_kind lock_kind_of(struct decoder *decoder, uint64_t object);

struct lock_state {
	bool is_known, is_locked;
	uint64_t owner; /* thread_id (pthread_t) of who holds it; 0: it does not say */
	uint64_t name; /* a str: of the module that an import lock is for; 0 */
};
void lock_read(struct decoder *decoder, uint64_t object, enum lock_kind kind, struct lock_state *ret_state);

/* The address that a thread waits at for it: of a semaphore, or of a PyMutex; 0: none of its own. */
uint64_t lock_wait_address(struct decoder *decoder, uint64_t object, enum lock_kind kind);

#endif
