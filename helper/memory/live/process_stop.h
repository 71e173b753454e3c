/* SPDX-License-Identifier: MIT
 * process_stop: every thread of a process held still, until it is let go as if nothing had been. */
#ifndef PYDS_MEMORY_PROCESS_STOP_H
#define PYDS_MEMORY_PROCESS_STOP_H

#include "base/array.h"
#include "base/error.h"
#include "memory/address_space.h"

struct process_stop;

struct stopped_thread {
	int32_t tid;
	int32_t signal; /* about to be delivered, or that group-stopped it; 0: none */
	bool has_registers; /* as native_thread has them */
	uint64_t registers[NATIVE_REGISTERS];
	char state; /* 't'; 'D' if it sleeps uninterruptibly in the kernel, where it runs no code of its own either */
};

typedef ARRAY(struct stopped_thread) stopped_thread_array;

/* Stops all threads of pid; adds them to *threads. On failure none is left stopped. */
int process_stop_create(struct process_stop **ret_stop, int32_t pid, stopped_thread_array *threads,
                        struct error *error);
/* When the first thread was stopped: ns of CLOCK_MONOTONIC. */
int64_t process_stop_began(const struct process_stop *stop);
void process_stop_destroy(struct process_stop *stop); /* NULL is fine; threads run on */

#endif
