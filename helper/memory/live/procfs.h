/* SPDX-License-Identifier: MIT
 * process_status: what /proc tells of a process and its threads. */
#ifndef PYDS_MEMORY_PROCESS_STATUS_H
#define PYDS_MEMORY_PROCESS_STATUS_H

#include "base/array.h"
#include "base/error.h"
#include "base/text.h"
#include "memory/address_space.h"

struct process_status {
	int32_t process_id; /* of the thread group */
	int32_t tracer; /* 0: none */
	int64_t user_id; /* -1: unknown */
	char state; /* of this thread: R S D T t Z X ... */
};

typedef ARRAY(int32_t) thread_id_array;

/* The whole of a file of /proc, appended; 0 or a negative errno. */
int process_file_read(struct text *text, const char *path_format, ...) __attribute__((format(printf, 2, 3)));
/* The line after this one; NULL: it is the last. */
const char *process_file_next_line(const char *line);
/* The number of a thread in the innermost PID namespace that it lives in; 0 if it is not known. */
uint64_t process_namespace_tid(int32_t pid, int32_t thread_id);
/* 0 or a negative errno. */
int process_status_read(struct process_status *status, int32_t thread_id);
bool process_is_kernel_thread(int32_t pid);
/* State letter of a thread, '\0' when it is gone. */
char process_thread_state(int32_t pid, int32_t thread_id);
/* All threads that /proc lists; 0 or a negative errno (-ENOENT: the process is gone). */
int process_threads_list(int32_t pid, thread_id_array *threads);
/* Appends the numbers of the processes that any thread of a process began and that have not been waited for, in the
 * order of /proc; nothing where the kernel does not tell (CONFIG_PROC_CHILDREN). */
void process_children_list(int32_t pid, thread_id_array *children);
/* Whether a thread that sleeps uninterruptibly does so until its child by vfork() runs a program of its own. */
bool process_waits_for_vfork(int32_t pid, int32_t thread_id);
/* Stack pointer and system call of a thread that does not run; 0 and unknown where /proc does not tell. */
void process_thread_registers(int32_t pid, int32_t thread_id, struct native_thread *thread);

/* The sentence for a refused ptrace or read: who we are, what stands against it, what would help. */
int process_refused(struct error *error, int32_t pid, const char *what, int error_number);

#endif
