/* SPDX-License-Identifier: MIT
 * relay: lets a thread of ours use the debugger's callbacks for memory and registers, which may only be called on the
 * thread that is inside the library. The thread of ours posts a request and sleeps; whoever waits for the job serves
 * it. */
#ifndef PYDS_API_RELAY_H
#define PYDS_API_RELAY_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

typedef uint64_t relay_read_function(void *context, uint64_t address, void *buffer, uint64_t size);

typedef int32_t relay_registers_function(void *context, uint64_t tid, uint64_t *ret_registers);

/* One question to the debugger. */
struct relay_request {
	bool is_registers; /* of the thread with the number `address`; else memory */
	uint64_t address, size;
	void *buffer;
};

enum relay_state { RELAY_FREE, RELAY_POSTED, RELAY_TAKEN, RELAY_DONE };

struct relay {
	pthread_mutex_t mutex;
	pthread_cond_t changed; /* also when a job finishes; waits use CLOCK_MONOTONIC */
	pthread_t caller; /* the thread that is, or last was, inside the library */
	relay_read_function *read; /* NULL: no debugger */
	void *context;
	relay_registers_function *registers; /* NULL: nobody tells */
	void *registers_context;
	enum relay_state state; /* of the one request, below */
	struct relay_request request;
	uint64_t result;
};

int relay_init(struct relay *relay); /* 0, or ERROR_NO_MEMORY */
void relay_clear(struct relay *relay);
/* Notes that this thread is inside the library now. */
void relay_enter(struct relay *relay);
/* The read callback that the address space is given; context is the relay. */
uint64_t relay_read(void *context, uint64_t address, void *buffer, uint64_t size);
/* The same of registers: false if the debugger does not tell. */
bool relay_registers(void *context, uint64_t tid, uint64_t *registers);
/* Serves requests on the calling thread until *finished (guarded by relay->mutex) or the time is over. Returns
 * *finished. */
bool relay_serve(struct relay *relay, const bool *finished, uint32_t milliseconds);
/* Sets *finished and wakes who waits. */
void relay_finish(struct relay *relay, bool *finished);

#endif
