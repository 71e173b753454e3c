/* SPDX-License-Identifier: MIT */
#include "api/relay.h"

#include <errno.h>
#include <time.h>

#include "base/error.h"

int relay_init(struct relay *relay)
{
	pthread_condattr_t attributes;
	*relay = (struct relay){ .caller = pthread_self() };
	if (pthread_mutex_init(&relay->mutex, NULL) != 0)
		return ERROR_NO_MEMORY;
	if (pthread_condattr_init(&attributes) != 0) {
		pthread_mutex_destroy(&relay->mutex);
		return ERROR_NO_MEMORY;
	}
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	int failed = pthread_cond_init(&relay->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	if (failed != 0) {
		pthread_mutex_destroy(&relay->mutex);
		return ERROR_NO_MEMORY;
	}
	return OK;
}

void relay_clear(struct relay *relay)
{
	pthread_cond_destroy(&relay->changed);
	pthread_mutex_destroy(&relay->mutex);
}

void relay_enter(struct relay *relay)
{
	pthread_mutex_lock(&relay->mutex);
	relay->caller = pthread_self();
	pthread_mutex_unlock(&relay->mutex);
}

/* On the caller's thread: bytes that were read, or whether registers are known. */
static uint64_t answer(const struct relay *relay, const struct relay_request *request)
{
	if (!request->is_registers)
		return relay->read(relay->context, request->address, request->buffer, request->size);
	return relay->registers(relay->registers_context, request->address, request->buffer) == 0;
}

static uint64_t ask(struct relay *relay, const struct relay_request *request)
{
	pthread_mutex_lock(&relay->mutex);
	if (pthread_equal(relay->caller, pthread_self())) {
		pthread_mutex_unlock(&relay->mutex);
		return answer(relay, request);
	}
	while (relay->state != RELAY_FREE)
		pthread_cond_wait(&relay->changed, &relay->mutex);
	relay->request = *request;
	relay->state = RELAY_POSTED;
	pthread_cond_broadcast(&relay->changed);
	while (relay->state != RELAY_DONE)
		pthread_cond_wait(&relay->changed, &relay->mutex);
	uint64_t result = relay->result;
	relay->state = RELAY_FREE;
	pthread_cond_broadcast(&relay->changed);
	pthread_mutex_unlock(&relay->mutex);
	return result;
}

uint64_t relay_read(void *context, uint64_t address, void *buffer, uint64_t size)
{
	const struct relay_request request = { .address = address, .size = size, .buffer = buffer };
	return ask(context, &request);
}

bool relay_registers(void *context, uint64_t tid, uint64_t *registers)
{
	const struct relay *relay = context;
	const struct relay_request request = { .is_registers = true, .address = tid, .buffer = registers };
	/* Set before a job starts, and not while one is there. */
	return relay->registers != NULL && ask(context, &request) != 0;
}

/* With the mutex held; it is let go during the callback. */
static void serve_one(struct relay *relay)
{
	relay->state = RELAY_TAKEN;
	pthread_mutex_unlock(&relay->mutex);
	uint64_t result = answer(relay, &relay->request);
	pthread_mutex_lock(&relay->mutex);
	relay->result = result;
	relay->state = RELAY_DONE;
	pthread_cond_broadcast(&relay->changed);
}

static bool is_past(const struct timespec *deadline)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec > deadline->tv_sec || (now.tv_sec == deadline->tv_sec && now.tv_nsec >= deadline->tv_nsec);
}

bool relay_serve(struct relay *relay, const bool *finished, uint32_t milliseconds)
{
	struct timespec deadline;
	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += milliseconds / 1000;
	deadline.tv_nsec += (long)(milliseconds % 1000) * 1000000;
	if (deadline.tv_nsec >= 1000000000) {
		deadline.tv_sec++;
		deadline.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&relay->mutex);
	relay->caller = pthread_self();
	while (!*finished) {
		/* Time ends a wait also while one request follows the other. */
		if (relay->state == RELAY_POSTED)
			serve_one(relay);
		else if (pthread_cond_timedwait(&relay->changed, &relay->mutex, &deadline) == ETIMEDOUT)
			break;
		if (is_past(&deadline))
			break;
	}
	bool result = *finished;
	pthread_mutex_unlock(&relay->mutex);
	return result;
}

void relay_finish(struct relay *relay, bool *finished)
{
	pthread_mutex_lock(&relay->mutex);
	*finished = true;
	pthread_cond_broadcast(&relay->changed);
	pthread_mutex_unlock(&relay->mutex);
}
