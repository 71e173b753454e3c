/* SPDX-License-Identifier: MIT
 * What a thread waits for is told twice: by the library's frames, whose `self` is the queue or event, and by the
 * address that it sleeps at in the kernel, which is that of a semaphore or of a PyMutex. The first names what a person
 * knows, the second the lock below it. */
#include <inttypes.h>

#include "object/value.h"
#include "query/threads/thread_builder.h"

enum { /* x86-64 */
       CALL_READ = 0,
       CALL_WRITE = 1,
       CALL_FCNTL = 72,
       CALL_FLOCK = 73,
       CALL_FUTEX = 202,
};

enum { FCNTL_SETLKW = 7, FCNTL_OFD_SETLKW = 38 }; /* asm-generic/fcntl.h */

enum { FUTEX_COMMAND = 0x7f, FUTEX_WAIT = 0, FUTEX_WAIT_BITSET = 9, PTHREAD_MUTEX_OWNER = 8 };

static const struct call {
	int32_t number;
	const char *name;
	bool has_descriptor;
} calls[] = {
	{ 0, "read", true },           { 1, "write", true },
	{ 7, "poll", false },          { 17, "pread64", true },
	{ 18, "pwrite64", true },      { 19, "readv", true },
	{ 20, "writev", true },        { 23, "select", false },
	{ 34, "pause", false },        { 35, "nanosleep", false },
	{ 42, "connect", true },       { 43, "accept", true },
	{ 44, "sendto", true },        { 45, "recvfrom", true },
	{ 46, "sendmsg", true },       { 47, "recvmsg", true },
	{ 61, "wait4", false },        { 72, "fcntl", true },
	{ 73, "flock", true },         { 74, "fsync", true },
	{ 202, "futex", false },       { 230, "clock_nanosleep", false },
	{ 232, "epoll_wait", true },   { 247, "waitid", false },
	{ 270, "pselect6", false },    { 271, "ppoll", false },
	{ 281, "epoll_pwait", true },  { 288, "accept4", true },
	{ 441, "epoll_pwait2", true }, { 426, "io_uring_enter", true },
};

const char *thread_call_name(const struct native_thread *native, int32_t *ret_descriptor)
{
	*ret_descriptor = -1;
	if (native == NULL || !native->call_known)
		return NULL;
	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
		if (calls[i].number != native->call)
			continue;
		if (calls[i].has_descriptor)
			*ret_descriptor = (int32_t)native->call_arguments[0];
		return calls[i].name;
	}
	return NULL;
}

/* ---- By the address ---- */

static uint64_t sleeps_at(const struct thread_row *row)
{
	const struct native_thread *native = row->native;
	if (native == NULL || !native->call_known || native->call != CALL_FUTEX)
		return 0;
	const uint64_t command = native->call_arguments[1] & FUTEX_COMMAND;
	return command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET ? native->call_arguments[0] : 0;
}

static bool lock_at(const struct thread_builder *builder, uint64_t address, struct thread_lock *ret_lock)
{
	const uint32_t index = address_map_get(&builder->by_wait_address, address);
	if (index == ADDRESS_MAP_NONE)
		return false;
	const struct instance *lock = &builder->locks.items[index];
	*ret_lock = (struct thread_lock){ .kind = lock->role, .address = lock->address };
	return true;
}

/* A thread that waits for a PyMutex sleeps at a semaphore of a struct wait_entry on its own stack, of which the word
 * before is the address of the mutex (Python/parking_lot.c, 3.13+). */
static bool parked_at(struct thread_builder *builder, const struct thread_row *row, uint64_t at,
                      struct thread_lock *ret_lock)
{
	const struct layout *layout = builder->decoder->layout;
	uint64_t address;
	if (!layout_has(layout, FIELD_PyThreadState_critical_section) ||
	    !reader_u64(&builder->decoder->reader, at - 8, &address) || address < 4096 ||
	    at - row->native->stack_pointer > 1 << 16)
		return false;
	if (lock_at(builder, address, ret_lock))
		return true;
	*ret_lock = (struct thread_lock){ .kind = LOCK_MUTEX, .address = address };
	if (!layout_has(layout, FIELD_PyObject_ob_mutex))
		return true;
	const uint64_t object = address - layout_offset(layout, FIELD_PyObject_ob_mutex);
	if (object_index_find(&builder->heap->graph->index, object) != UINT32_MAX)
		*ret_lock = (struct thread_lock){ .kind = LOCK_OBJECT, .address = object };
	return true;
}

/* Whether a thread sleeps at a place of its stack of which a dump has nothing but zeros, as gcore writes where it
 * cannot read a guard page: a stack has return addresses. Then nothing says what it waits for. */
static bool stack_is_lost(const struct thread_builder *builder, const struct thread_row *row, uint64_t at)
{
	uint64_t word, address = row->native->stack_pointer & ~UINT64_C(7);
	if (at - address > 1 << 16)
		return false;
	for (; address <= at; address += 8)
		if (reader_u64(&builder->decoder->reader, address, &word) && word != 0)
			return false;
	return true;
}

/* Who owns the pthread mutex at an address, if one is there (glibc: nptl/bits/struct_mutex.h, __owner); the row. */
static uint32_t mutex_owner(const struct thread_builder *builder, uint64_t address, uint32_t self)
{
	uint32_t tid;
	if (!reader_u32(&builder->decoder->reader, address + PTHREAD_MUTEX_OWNER, &tid) || tid == 0)
		return THREAD_NONE;
	for (uint32_t i = 0; i < builder->threads->rows.count; i++) {
		const struct native_thread *native = builder->threads->rows.items[i].native;
		if (i != self && native != NULL &&
		    (native->namespace_tid != 0 ? native->namespace_tid : native->tid) == tid)
			return i;
	}
	return THREAD_NONE;
}

static bool waits_for_file(const struct thread_row *row)
{
	const struct native_thread *native = row->native;
	if (native == NULL || !native->call_known)
		return false;
	return native->call == CALL_FLOCK ||
	       (native->call == CALL_FCNTL &&
	        (native->call_arguments[1] == FCNTL_SETLKW || native->call_arguments[1] == FCNTL_OFD_SETLKW));
}

static void find_by_address(struct thread_builder *builder, uint32_t index)
{
	struct thread_row *row = &builder->threads->rows.items[index];
	struct thread_wait *wait = &row->wait;
	const uint64_t at = sleeps_at(row);
	if (row->gil == GIL_WAITS) {
		wait->lock.kind = LOCK_GIL;
		return;
	}
	if (waits_for_file(row))
		wait->lock = (struct thread_lock){ .kind = LOCK_FILE, .address = row->descriptor.object };
	if (at == 0 || lock_at(builder, at, &wait->lock) || parked_at(builder, row, at, &wait->lock))
		return;
	if (stack_is_lost(builder, row, at)) {
		wait->lock.kind = LOCK_LOST;
		return;
	}
	wait->lock = (struct thread_lock){ .kind = LOCK_NATIVE, .address = at };
	wait->owner = mutex_owner(builder, at, index);
	if (wait->owner != THREAD_NONE) {
		wait->lock.kind = LOCK_PTHREAD;
		wait->source = OWNER_FIELD;
	}
}

/* ---- By the frames ---- */

/* Whether a library function of this name waits on behalf of its caller; others, as Thread.run, only call. */
static bool waits_by_name(struct decoder *decoder, uint64_t code)
{
	static const char *const names[] = { "wait",       "wait_for",  "acquire", "__enter__",
		                             "get",        "put",       "join",    "_wait_for_tstate_lock",
		                             "result",     "exception", "_wait",   "shutdown",
		                             "__exit__",   "release",   "set",     "notify",
		                             "get_payload" };
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (code_is_named(decoder, code, names[i]))
			return true;
	return false;
}

/* What multiprocessing's queues call to read and write, and filelock 4 while it tries again. */
static bool is_passed(struct decoder *decoder, uint64_t code)
{
	static const char *const names[] = { "_recv", "_recv_bytes", "recv_bytes",           "_poll",         "poll",
		                             "_send", "_send_bytes", "_poll_until_acquired", "_acquire_level" };
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (code_is_named(decoder, code, names[i]))
			return true;
	return false;
}

/* Whether the innermost method enters a lock below what its callers are. */
static bool is_entered(struct decoder *decoder, const struct python_frame *frame, enum lock_kind kind)
{
	if (kind != LOCK_CONDITION && !lock_is_of_processes(kind))
		return false;
	return code_is_named(decoder, frame->code, "__enter__") || code_is_named(decoder, frame->code, "acquire");
}

/* The outermost of the library's waiting methods that the thread is in; the lock of a Condition that a method enters,
 * while it is not yet inside, is what it waits for, and not the Condition. */
static void find_by_frames(struct thread_builder *builder, struct thread_row *row)
{
	struct decoder *decoder = builder->decoder;
	struct thread_lock found = { .kind = LOCK_NONE };
	bool enters = false;
	size_t i = 0;
	for (; i < row->frames.count && library_has(&builder->library, frame_list_code(&row->frames, i)); i++) {
		const struct python_frame frame = frame_list_at(&row->frames, i);
		const uint64_t self = waits_by_name(decoder, frame.code) ? frame_self(decoder, &frame) : 0;
		const enum lock_kind kind = lock_kind_of(decoder, self);
		if (kind == LOCK_NONE && found.kind == LOCK_NONE && is_passed(decoder, frame.code))
			continue;
		if (kind == LOCK_NONE)
			break;
		if (i == 0)
			enters = is_entered(decoder, &frame, kind);
		if (!enters || !lock_is_of_processes(found.kind))
			found = (struct thread_lock){ .kind = kind, .address = self };
	}
	if (i < row->frames.count)
		row->wait.place = (uint32_t)i;
	if (found.kind == LOCK_NONE)
		return;
	row->wait.primitive = row->wait.lock.kind < LOCK_OBJECT ? row->wait.lock.address : 0;
	/* `with` of a Condition: its lock is held by somebody, which the address told. */
	if (enters && row->wait.primitive != 0)
		return;
	row->wait.lock = found;
}

/* importlib is frozen: its file is no file. */
static bool find_import_lock(struct thread_builder *builder, struct thread_row *row)
{
	struct decoder *decoder = builder->decoder;
	for (size_t i = 0; i < row->frames.count && i < 4; i++) {
		const struct python_frame frame = frame_list_at(&row->frames, i);
		const uint64_t self = frame_self(decoder, &frame);
		if (lock_kind_of(decoder, self) != LOCK_IMPORT || !code_is_named(decoder, frame.code, "acquire"))
			continue;
		row->wait.primitive = row->wait.lock.address;
		row->wait.lock = (struct thread_lock){ .kind = LOCK_IMPORT, .address = self };
		/* Past importlib itself: the import statement. */
		for (i++; i < row->frames.count; i++) {
			struct text file = { .bytes = NULL }, function = { .bytes = NULL };
			int64_t line;
			const struct python_frame caller = frame_list_at(&row->frames, i);
			names_frame(decoder, &caller, &function, &file, &line);
			const bool is_frozen = text_string(&file)[0] == '<';
			text_free(&file);
			text_free(&function);
			if (!is_frozen)
				break;
		}
		row->wait.place = i < row->frames.count ? (uint32_t)i : THREAD_NONE;
		return true;
	}
	return false;
}

void thread_waits_find(struct thread_builder *builder)
{
	for (uint32_t i = 0; i < builder->threads->rows.count; i++) {
		struct thread_row *row = &builder->threads->rows.items[i];
		find_by_address(builder, i);
		if (row->gil == GIL_HOLDS || row->gil == GIL_ATTACHED)
			row->wait.lock.kind = LOCK_NONE;
		else if (row->wait.lock.kind != LOCK_GIL && row->wait.lock.kind != LOCK_PTHREAD &&
		         !find_import_lock(builder, row))
			find_by_frames(builder, row);
		if (row->gil != GIL_HOLDS && row->gil != GIL_ATTACHED && row->wait.lock.kind != LOCK_GIL)
			thread_shutdown_wait_find(builder, i);
		if (row->wait.place == THREAD_NONE && row->frames.count > 0 && row->wait.lock.kind != LOCK_IMPORT)
			row->wait.place = 0;
	}
}
