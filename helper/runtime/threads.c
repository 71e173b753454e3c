/* SPDX-License-Identifier: MIT
 * The thread states of every interpreter, and which thread of the operating system each one is. */
#include <elf.h>
#include <inttypes.h>
#include <signal.h>

#include "base/address_map.h"
#include "base/limits.h"
#include "runtime/find/opening.h"

/* Where the C library's thread descriptor, whose address pthread_t is, keeps the thread's number. The word at
 * self holds the descriptor's own address. */
static const struct descriptor {
	uint16_t machine;
	uint16_t self, tid;
} descriptors[] = {
	{ EM_X86_64, 0x10, 0x2d0 }, /* glibc, struct pthread: header.self, tid; since 2.4 */
	{ EM_X86_64, 0x00, 0x30 }, /* musl 1.2, struct pthread: self, tid */
	{ EM_X86_64, 0x00, 0x38 }, /* musl 1.1 */
};

/* The thread of the target that knows itself by this number, by the number that the debugger and we know it by; 0:
 * none. In a PID namespace seen from outside they differ. */
static uint64_t outer_tid(const struct address_space *space, uint64_t tid)
{
	for (size_t i = 0; i < space->threads.count; i++) {
		const struct native_thread *thread = &space->threads.items[i];
		if ((thread->namespace_tid != 0 ? thread->namespace_tid : thread->tid) == tid)
			return thread->tid;
	}
	return 0;
}

static uint64_t tid_in_descriptor(struct opening *opening, const struct descriptor *descriptor, uint64_t thread_id)
{
	uint64_t self;
	uint32_t tid;
	if (opening->runtime->space->machine != descriptor->machine ||
	    !reader_u64(&opening->reader, thread_id + descriptor->self, &self) || self != thread_id ||
	    !reader_u32(&opening->reader, thread_id + descriptor->tid, &tid))
		return 0;
	/* A stale state (after fork, at exit) names a thread that is no more, or another one's memory. */
	return outer_tid(opening->runtime->space, tid);
}

static uint64_t native_id_of(struct opening *opening, uint64_t thread_id)
{
	if (thread_id == 0)
		return 0;
	for (size_t i = 0; i < sizeof descriptors / sizeof descriptors[0]; i++) {
		const uint64_t tid = tid_in_descriptor(opening, &descriptors[i], thread_id);
		if (tid != 0)
			return tid;
	}
	return 0;
}

static void read_thread(struct opening *opening, uint64_t address, struct python_thread *ret_thread)
{
	const struct layout *layout = &opening->runtime->layout;
	uint64_t native_id;
	*ret_thread = (struct python_thread){ .address = address };
	(void)read_field(&opening->reader, layout, address, FIELD_PyThreadState_interp, &ret_thread->interpreter);
	(void)read_field(&opening->reader, layout, address, FIELD_PyThreadState_thread_id, &ret_thread->thread_id);
	if (layout_has(layout, FIELD_PyThreadState_native_thread_id)) {
		/* unsigned long, but the kernel's number is an int. */
		if (read_field(&opening->reader, layout, address, FIELD_PyThreadState_native_thread_id, &native_id) &&
		    native_id <= INT32_MAX) {
			uint64_t outer = outer_tid(opening->runtime->space, native_id);
			/* A program that embeds Python and forks by itself (uWSGI) leaves the parent's number here. */
			if (outer == 0)
				outer = native_id_of(opening, ret_thread->thread_id);
			ret_thread->native_id = outer != 0 ? outer : native_id;
		}
	} else {
		ret_thread->native_id = native_id_of(opening, ret_thread->thread_id);
	}
}

static int follow_threads(struct opening *opening, uint64_t interpreter, struct address_map *seen)
{
	struct runtime *runtime = opening->runtime;
	uint64_t at = 0;
	if (!read_field(&opening->reader, &runtime->layout, interpreter, FIELD_PyInterpreterState_threads_head, &at)) {
		runtime_warn(runtime, "the thread states of interpreter 0x%" PRIx64 " cannot be read", interpreter);
		runtime_lose(runtime);
	}
	while (at != 0) {
		uint64_t next;
		if (runtime->threads.count == LIMIT_THREADS || address_map_get(seen, at) != ADDRESS_MAP_NONE) {
			runtime_warn(runtime, "the chain of thread states of interpreter 0x%" PRIx64 " does not end",
			             interpreter);
			runtime_lose(runtime);
			return OK;
		}
		struct python_thread thread;
		read_thread(opening, at, &thread);
		if (thread.interpreter != interpreter ||
		    !read_field(&opening->reader, &runtime->layout, at, FIELD_PyThreadState_next, &next)) {
			runtime_warn(runtime,
			             "thread state 0x%" PRIx64
			             " cannot be read or is broken, those behind it are not known",
			             at);
			runtime_lose(runtime);
			return OK;
		}
		if (!address_map_set(seen, at, 0) || !array_push(&runtime->threads, thread))
			return error_set(opening->error, ERROR_NO_MEMORY, "out of memory");
		at = next;
	}
	return OK;
}

static void mark_main(struct opening *opening)
{
	struct runtime *runtime = opening->runtime;
	uint64_t main_thread = 0;
	bool is_marked = false;
	for (size_t i = 0; i < runtime->threads.count; i++) {
		struct python_thread *thread = &runtime->threads.items[i];
		thread->is_main = thread->native_id != 0 && thread->native_id == (uint64_t)runtime->space->pid;
		is_marked |= thread->is_main;
	}
	/* In a PID namespace seen from outside the numbers differ, and a core may not tell the process's. */
	if (is_marked || !read_field(&opening->reader, &runtime->layout, runtime->address,
	                             FIELD__PyRuntimeState_main_thread, &main_thread))
		return;
	for (size_t i = 0; i < runtime->threads.count; i++) {
		struct python_thread *thread = &runtime->threads.items[i];
		thread->is_main = main_thread != 0 && thread->thread_id == main_thread;
	}
}

/* The kernel writes the thread that died first, and the fatal signal for all of them. */
static uint64_t crashed_tid(const struct address_space *space)
{
	for (size_t i = 0; i < space->threads.count; i++) {
		const int32_t signal = space->threads.items[i].signal;
		if (signal != 0 && signal != SIGSTOP && signal != SIGTRAP && signal != SIGCONT)
			return space->threads.items[i].tid;
	}
	return 0;
}

static bool select_tid(struct runtime *runtime, uint64_t tid)
{
	for (size_t i = 0; i < runtime->threads.count && tid != 0; i++) {
		if (runtime->threads.items[i].native_id == tid) {
			runtime->threads.items[i].is_selected = true;
			return true;
		}
	}
	return false;
}

static void select_thread(struct opening *opening)
{
	struct runtime *runtime = opening->runtime;
	if (select_tid(runtime, opening->options->selected_tid) || select_tid(runtime, crashed_tid(runtime->space)))
		return;
	for (size_t i = 0; i < runtime->threads.count; i++) {
		if (runtime->threads.items[i].is_main) {
			runtime->threads.items[i].is_selected = true;
			return;
		}
	}
	if (runtime->threads.count != 0)
		runtime->threads.items[0].is_selected = true;
}

int find_threads(struct opening *opening)
{
	struct runtime *runtime = opening->runtime;
	struct address_map seen = { 0 };
	int status = OK;
	for (size_t i = 0; i < runtime->interpreters.count && status == OK; i++)
		status = follow_threads(opening, runtime->interpreters.items[i].address, &seen);
	address_map_clear(&seen);
	if (status < 0)
		return status;
	runtime->frames = calloc(runtime->threads.count + 1, sizeof *runtime->frames);
	if (runtime->frames == NULL)
		return error_set(opening->error, ERROR_NO_MEMORY, "out of memory");
	mark_main(opening);
	select_thread(opening);
	return OK;
}
