/* SPDX-License-Identifier: MIT
 * threads: what every thread does: whether it has the GIL, the system call it is in, what it waits for and who has
 * that, what it holds; and which of them wait for each other in a circle. */
#ifndef PYDS_QUERY_THREADS_H
#define PYDS_QUERY_THREADS_H

#include "memory/live/procfs.h"
#include "query/threads/lock.h"
#include "query/query.h"
#include "runtime/gil.h"

#define THREAD_NONE UINT32_MAX

/* How it is known who can end a wait. */
enum owner_source {
	OWNER_UNKNOWN,
	OWNER_FIELD, /* the lock says who has it; the thread that join() waits for; who holds the GIL */
	OWNER_WITH, /* a frame of the thread is inside `with` of it */
	OWNER_RUNS, /* the thread runs the work that the future is for */
	OWNER_LAST, /* the semaphore was taken last by the thread, and is taken in this process; others may have it too
	             */
	OWNER_PERHAPS, /* a frame of the thread calls acquire() and knows the lock; nothing says whether it has it */
	OWNER_USES, /* a frame of the thread knows the object that something must come from: a queue, an event */
};

struct thread_lock {
	enum lock_kind kind;
	uint64_t address; /* of the object, or as lock_kind says */
	uint64_t name; /* a str: the module of an import lock; 0 */
	struct text words; /* what leads to it, of answers that were to have them; escaped; "": nothing does */
};

/* What is known of holders that are not threads of this process. */
enum elsewhere {
	ELSEWHERE_NOTHING, /* what it waits for is of this process alone, or a thread here has it */
	ELSEWHERE_HELD, /* another process has it: which one, its semaphore does not say */
	ELSEWHERE_PERHAPS, /* whoever ends the wait may be in another process */
	ELSEWHERE_KERNEL, /* the kernel says who has the file lock: process, descriptor */
	ELSEWHERE_UNKNOWN, /* only the kernel knows who has the file lock, and the target is not live */
};

struct thread_wait {
	struct thread_lock lock; /* LOCK_NONE: it waits for none that is known */
	uint64_t primitive; /* the _thread.lock or RLock below it; 0: none, or itself */
	enum owner_source source; /* of owner and wakers */
	uint32_t owner; /* row; THREAD_NONE: not known, or several wakers */
	ARRAY(uint32_t) wakers; /* rows that can end the wait */
	enum elsewhere elsewhere;
	int32_t process, descriptor; /* as struct file_lock of memory/live/file_locks.h; 0, -1 */
	thread_id_array sharing; /* other processes that share the semaphore, where the target is live */
	uint32_t place; /* the frame that waits, past those of the library, in frames; THREAD_NONE: none */
};

struct thread_hold {
	struct thread_lock lock;
	enum owner_source source;
	uint32_t place; /* index of the frame that holds it, in frames; THREAD_NONE: not known */
	uint32_t waiters; /* threads that wait for it */
};

/* The file that a thread's system call is about. */
struct thread_descriptor {
	int32_t number; /* -1: none */
	bool differs; /* rows that are like this one have others */
	uint64_t object; /* the Python file or socket that has it; 0: none is known */
	struct text words; /* what leads to the object, or what it is; escaped; "" unless words were asked for */
	struct text kernel; /* what the kernel says of it, where the process is live; escaped */
};

enum { THREAD_POLLS_NAMED = 64 }; /* of the polls of a row: these have words */

struct thread_row {
	uint32_t index; /* in runtime->threads */
	struct text name; /* not escaped; "": threading does not know it */
	bool is_daemon, is_known; /* is_known: threading knows the thread */
	bool is_collecting, is_finalizing; /* in a garbage collection; at Python's end */
	bool is_collecting_guessed; /* it is one of several that may be */
	int64_t interpreter; /* id */
	enum gil_state gil;
	const struct native_thread *native; /* borrowed; NULL: unknown */
	struct thread_descriptor descriptor;
	ARRAY(struct thread_descriptor) polls; /* that its system call waits for, beside descriptor */
	bool in_finalizer; /* runs a __del__ */
	struct frame_list frames; /* innermost first; the runtime's */
	bool truncated;
	struct thread_wait wait;
	ARRAY(struct thread_hold) holds;
	uint64_t importing; /* a str: the module whose import is under way, outermost; 0 */
	uint32_t same_as; /* an earlier row with an equal stack that waits alike; THREAD_NONE: none */
	uint32_t same_count; /* rows that are like this one, itself included */
	bool lock_differs; /* rows that are like this one wait for others of the kind */
};

struct threads_answer {
	ARRAY(struct thread_row) rows; /* in the order of runtime->threads */
	/* Rows that wait for one another in a circle; after each circle THREAD_NONE. */
	ARRAY(uint32_t) deadlocks;
	/* Threads that wait, first or last, for one that itself waits for no lock; 0: none does. */
	uint32_t longest_queue, longest_owner;
	uint32_t behind; /* threads that wait for one that is in such a circle, in the end */
	bool guessed; /* some circle rests on OWNER_PERHAPS or OWNER_USES */
	uint32_t truncated; /* threads whose stack could not be followed to its end */
	bool calls_known; /* what threads do in the kernel is known of some */
	struct coverage coverage;
};

/* All threads; with_words: what leads to their locks is searched for. */
int query_threads(const struct query *query, bool with_words, struct threads_answer *ret_answer);
void threads_answer_clear(struct threads_answer *answer);

/* "futex", "read", ...; NULL: another system call of x86-64, or none. *ret_descriptor: its first argument where that is
 * a file; -1. */
const char *thread_call_name(const struct native_thread *native, int32_t *ret_descriptor);

#endif
