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

uint64_t relay_read(void *context, uint64_t address, void *buffer, uint64_t size)
{
	struct relay *relay = context;
	pthread_mutex_lock(&relay->mutex);
	if (pthread_equal(relay->caller, pthread_self())) {
		pthread_mutex_unlock(&relay->mutex);
		return relay->read(relay->context, address, buffer, size);
	}
	while (relay->state != RELAY_FREE)
		pthread_cond_wait(&relay->changed, &relay->mutex);
	relay->address = address;
	relay->buffer = buffer;
	relay->size = size;
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

/* With the mutex held; it is let go during the callback. */
static void serve_one(struct relay *relay)
{
	relay->state = RELAY_TAKEN;
	pthread_mutex_unlock(&relay->mutex);
	uint64_t result = relay->read(relay->context, relay->address, relay->buffer, relay->size);
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
