/* SPDX-License-Identifier: MIT
 * process_stop: PTRACE_SEIZE and PTRACE_INTERRUPT, which leave no trace in the target (no SIGSTOP, job control
 * intact). Only the thread that attached may talk to its tracees, and they are let go when it ends; so one
 * thread of ours does nothing else. It takes no signals. The tracees do not die with us
 * (no PTRACE_O_EXITKILL): a kernel that sees the tracer die lets them run on. */
#include "memory/live/process_stop.h"

#include <elf.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#include "base/address_map.h"
#include "base/limits.h"
#include "base/threads.h"
#include "memory/live/procfs.h"
#include "memory/native_registers.h"
#include "memory/space_source.h"

#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif

enum {
	ROUNDS_MAX = 1000, /* of listing threads until no new one shows up; each stops all threads seen so far */
	SLEEPER_MILLISECONDS = 500, /* patience with a thread in uninterruptible sleep, the disk's most often */
	PARENT_MILLISECONDS = 5, /* with one that waits for its child by vfork, which can take as long as it likes */
	RUNNER_MILLISECONDS = 10000, /* with one that runs: it stops as soon as it gets a processor */
	POLL_MICROSECONDS_MIN = 20,
	POLL_MICROSECONDS_MAX = 5000,
};

struct tracee {
	bool has_registers;
	uint64_t registers[NATIVE_REGISTERS];
	int32_t tid;
	int32_t signal; /* of a signal-delivery-stop: handed on when it is let go */
	int32_t shown_signal; /* also of a group-stop */
	bool is_stopped, is_gone;
	char state; /* when it would not stop */
};

struct process_stop {
	int32_t pid;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool is_done, is_released; /* under lock */
	int status; /* of stopping, once done */
	int64_t began; /* 0: no thread was stopped yet */
	struct error *error; /* the creator's; not used after done */
	ARRAY(struct tracee) tracees;
	struct address_map known; /* tid -> number in tracees */
};

/* Takes hold of one more thread. */
static int seize(struct process_stop *stop, int32_t tid)
{
	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) != 0) {
		int error_number = errno;
		char state = process_thread_state(stop->pid, tid);
		/* A thread that is on its way out is no longer of interest; a zombie yields EPERM. */
		if (error_number == ESRCH || state == '\0' || state == 'Z' || state == 'X')
			return OK;
		return process_refused(stop->error, stop->pid, "cannot stop", error_number);
	}
	struct tracee tracee = { .tid = tid };
	if (!address_map_set(&stop->known, (uint64_t)tid, (uint32_t)stop->tracees.count) ||
	    !array_push(&stop->tracees, tracee))
		return error_set(stop->error, ERROR_NO_MEMORY, "out of memory for the threads of process %d",
		                 stop->pid);
	if (stop->began == 0)
		stop->began = monotonic_nanoseconds();
	if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) != 0)
		stop->tracees.items[stop->tracees.count - 1].is_gone = true;
	return OK;
}

static int seize_new(struct process_stop *stop, bool *ret_found)
{
	thread_id_array threads = { .items = NULL };
	size_t before = stop->tracees.count;
	int result = process_threads_list(stop->pid, &threads);
	int status = OK;
	if (result < 0 && stop->tracees.count == 0)
		status =
		        error_set(stop->error, ERROR_NOT_FOUND, "process %d is gone: %s", stop->pid, strerror(-result));
	for (size_t i = 0; i < threads.count && status >= 0; i++)
		if (address_map_get(&stop->known, (uint64_t)threads.items[i]) == ADDRESS_MAP_NONE)
			status = seize(stop, threads.items[i]);
	array_free(&threads);
	*ret_found = stop->tracees.count > before;
	return status;
}

/* Takes note of a stop, if there was one; never waits. */
static void check(struct tracee *tracee)
{
	int how;
	pid_t result;
	do
		result = waitpid(tracee->tid, &how, __WALL | WNOHANG);
	while (result < 0 && errno == EINTR);
	if (result == 0)
		return;
	if (result < 0 || !WIFSTOPPED(how)) {
		tracee->is_gone = true;
		return;
	}
	tracee->is_stopped = true;
	tracee->state = 't';
	/* Seized threads tell our interruption (SIGTRAP) and group-stops (SIGSTOP, SIGTSTP, ...) by an event. Without
	 * one, a signal was caught in delivery. It must get through. */
	if (how >> 16 == PTRACE_EVENT_STOP) {
		tracee->shown_signal = WSTOPSIG(how) == SIGTRAP ? 0 : WSTOPSIG(how);
	} else {
		tracee->signal = WSTOPSIG(how);
		tracee->shown_signal = tracee->signal;
	}
}

/* Settles a thread that would not stop in time; returns OK if there is nothing left to wait for. */
static int give_up(struct process_stop *stop, struct tracee *tracee, int64_t waited, bool *ret_settled)
{
	char state = process_thread_state(stop->pid, tracee->tid);
	*ret_settled = false;
	if (state == 'D' && (waited >= SLEEPER_MILLISECONDS || process_waits_for_vfork(stop->pid, tracee->tid))) {
		tracee->state = state;
		*ret_settled = true;
	} else if (waited >= RUNNER_MILLISECONDS) {
		return error_set(stop->error, ERROR_IO,
		                 "thread %d of process %d did not stop within %d s (its state is %c)", tracee->tid,
		                 stop->pid, RUNNER_MILLISECONDS / 1000, state != '\0' ? state : '?');
	}
	return OK;
}

/* Waits until each thread taken so far is stopped, gone, or settled. */
static int wait_all(struct process_stop *stop, size_t first)
{
	int64_t began = monotonic_nanoseconds() / 1000000;
	long pause = POLL_MICROSECONDS_MIN;
	for (;;) {
		size_t waiting = 0;
		int64_t waited = monotonic_nanoseconds() / 1000000 - began;
		for (size_t i = first; i < stop->tracees.count; i++) {
			struct tracee *tracee = &stop->tracees.items[i];
			if (tracee->is_stopped || tracee->is_gone || tracee->state != '\0')
				continue;
			check(tracee);
			bool settled = tracee->is_stopped || tracee->is_gone;
			if (!settled && waited >= PARENT_MILLISECONDS)
				TRY(give_up(stop, tracee, waited, &settled));
			waiting += settled ? 0 : 1;
		}
		if (waiting == 0)
			return OK;
		struct timespec time = { .tv_nsec = pause * 1000 };
		(void)nanosleep(&time, NULL);
		pause = pause * 2 < POLL_MICROSECONDS_MAX ? pause * 2 : POLL_MICROSECONDS_MAX;
	}
}

static int stop_all(struct process_stop *stop)
{
	bool found = true;
	for (int round = 0; found; round++) {
		size_t first = stop->tracees.count;
		if (round >= ROUNDS_MAX || first > LIMIT_THREADS)
			return error_set(stop->error, ERROR_LIMIT,
			                 "process %d makes threads faster than they can be stopped", stop->pid);
		TRY(seize_new(stop, &found));
		TRY(wait_all(stop, first));
	}
	for (size_t i = 0; i < stop->tracees.count; i++)
		if (!stop->tracees.items[i].is_gone)
			return OK;
	return error_set(stop->error, ERROR_NOT_FOUND,
	                 "process %d has no living thread (it is a zombie, or just ended)", stop->pid);
}

/* Of each thread that is stopped; only the thread that stopped it is told. */
static void read_registers(struct process_stop *stop)
{
#ifdef __x86_64__
	uint8_t bytes[KERNEL_REGISTERS_BYTES];
	for (size_t i = 0; i < stop->tracees.count; i++) {
		struct tracee *tracee = &stop->tracees.items[i];
		struct iovec place = { bytes, sizeof bytes };
		if (tracee->is_stopped &&
		    ptrace(PTRACE_GETREGSET, tracee->tid, (void *)(intptr_t)NT_PRSTATUS, &place) == 0 &&
		    place.iov_len == sizeof bytes) {
			native_registers_read(tracee->registers, bytes);
			tracee->has_registers = true;
		}
	}
#else
	(void)stop;
#endif
}

static void let_go(struct process_stop *stop)
{
	for (size_t i = 0; i < stop->tracees.count; i++) {
		struct tracee *tracee = &stop->tracees.items[i];
		if (!tracee->is_stopped && !tracee->is_gone)
			check(tracee);
		/* One that never stopped cannot be detached; it is let go when this thread ends, and the interruption
		 * that it has not seen yet is forgotten with it. */
		if (tracee->is_stopped)
			(void)ptrace(PTRACE_DETACH, tracee->tid, NULL, (void *)(intptr_t)tracee->signal);
	}
}

static void *tracer_main(void *context)
{
	struct process_stop *stop = context;
	int status = stop_all(stop);
	if (status < 0)
		let_go(stop);
	else
		read_registers(stop);
	pthread_mutex_lock(&stop->lock);
	stop->status = status;
	stop->is_done = true;
	pthread_cond_broadcast(&stop->changed);
	while (status >= 0 && !stop->is_released)
		pthread_cond_wait(&stop->changed, &stop->lock);
	pthread_mutex_unlock(&stop->lock);
	if (status >= 0)
		let_go(stop);
	return NULL;
}

static void destroy_fields(struct process_stop *stop)
{
	(void)pthread_cond_destroy(&stop->changed);
	(void)pthread_mutex_destroy(&stop->lock);
	array_free(&stop->tracees);
	address_map_clear(&stop->known);
	free(stop);
}

int process_stop_create(struct process_stop **ret_stop, int32_t pid, stopped_thread_array *threads, struct error *error)
{
	*ret_stop = NULL;
	struct process_stop *stop = calloc(1, sizeof *stop);
	if (stop == NULL)
		return error_set(error, ERROR_NO_MEMORY, "out of memory to stop process %d", pid);
	stop->pid = pid;
	stop->error = error;
	(void)pthread_mutex_init(&stop->lock, NULL);
	(void)pthread_cond_init(&stop->changed, NULL);
	if (!thread_start(&stop->thread, tracer_main, stop)) {
		destroy_fields(stop);
		return error_set(error, ERROR_NO_MEMORY, "cannot start a thread to stop process %d from", pid);
	}
	pthread_mutex_lock(&stop->lock);
	while (!stop->is_done)
		pthread_cond_wait(&stop->changed, &stop->lock);
	pthread_mutex_unlock(&stop->lock);
	int status = stop->status;
	for (size_t i = 0; i < stop->tracees.count && status >= 0; i++) {
		const struct tracee *tracee = &stop->tracees.items[i];
		struct stopped_thread thread = { .tid = tracee->tid,
			                         .signal = tracee->shown_signal,
			                         .has_registers = tracee->has_registers,
			                         .state = tracee->state };
		memcpy(thread.registers, tracee->registers, sizeof thread.registers);
		if (!tracee->is_gone && !array_push(threads, thread))
			status = error_set(error, ERROR_NO_MEMORY, "out of memory for the threads of process %d", pid);
	}
	if (status < 0) {
		process_stop_destroy(stop);
		return status;
	}
	*ret_stop = stop;
	return OK;
}

int64_t process_stop_began(const struct process_stop *stop)
{
	return stop->began;
}

void process_stop_destroy(struct process_stop *stop)
{
	if (stop == NULL)
		return;
	pthread_mutex_lock(&stop->lock);
	stop->is_released = true;
	pthread_cond_broadcast(&stop->changed);
	pthread_mutex_unlock(&stop->lock);
	(void)pthread_join(stop->thread, NULL);
	destroy_fields(stop);
}
