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
	/* Of multiprocessing: other processes may have them too. */
	LOCK_PROCESS_LOCK,
	LOCK_PROCESS_RLOCK,
	LOCK_PROCESS_SEMAPHORE,
	LOCK_PROCESS_CONDITION,
	LOCK_PROCESS_EVENT,
	LOCK_PROCESS_BARRIER,
	LOCK_PROCESS_QUEUE,
	LOCK_FILELOCK, /* of the library filelock */
	LOCK_FILE, /* flock(), lockf(), fcntl(): address is of the Python file; 0: none has the descriptor */
	/* Below: no objects, found by where a thread sleeps. */
	LOCK_OBJECT, /* the lock of an object, free-threaded: address is the object's */
	LOCK_MUTEX, /* a PyMutex of C code */
	LOCK_PTHREAD, /* a pthread_mutex_t: address is its own */
	LOCK_GIL,
	LOCK_NATIVE, /* another futex */
	LOCK_LOST, /* which one the thread's stack says, for which the dump has zeros; without address */
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
	uint64_t last; /* thread_id of who took it last in this process, of a semaphore that is taken here; 0 */
	bool is_elsewhere; /* it is locked, and not by this process */
};
void lock_read(struct decoder *decoder, uint64_t object, enum lock_kind kind, struct lock_state *ret_state);

/* lock_process.c: the sem_t of a lock, semaphore or condition of multiprocessing; 0: it has none of its own. */
uint64_t lock_process_semaphore(struct decoder *decoder, uint64_t object, enum lock_kind kind);
/* What its SemLock counts of this process, and, where the memory that processes share is there, the semaphore. */
void lock_process_read(struct decoder *decoder, uint64_t object, enum lock_kind kind, struct lock_state *state);
static inline bool lock_is_of_processes(enum lock_kind kind)
{
	return kind >= LOCK_PROCESS_LOCK && kind <= LOCK_PROCESS_QUEUE;
}
/* The path that a lock of the library filelock is for, a str; 0: not found. */
uint64_t lock_filelock_path(struct decoder *decoder, uint64_t object);

/* The address that a thread waits at for it: of a semaphore, or of a PyMutex; 0: none of its own. */
uint64_t lock_wait_address(struct decoder *decoder, uint64_t object, enum lock_kind kind);

#endif
