/* SPDX-License-Identifier: MIT
 * The list of guarded mappings only grows, and its entries are reused: the handler may be reading it in one thread
 * while another one closes a file. */
#include "memory/files/map_guard.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { PAGE_BYTES = 4096 };

struct guard {
	_Atomic uintptr_t start, end; /* end is 0 while the entry is free */
	atomic_bool *_Atomic lost;
	struct guard *next; /* set before the entry is linked, never changed */
};

/* A signal handler has nothing but what is global. */
static struct guard *_Atomic guards;
static pthread_mutex_t guards_lock = PTHREAD_MUTEX_INITIALIZER;
static size_t guards_used;
static struct sigaction handler_before;

static void handle_as_before(int number, siginfo_t *information, void *context)
{
	if (handler_before.sa_flags & SA_SIGINFO) {
		handler_before.sa_sigaction(number, information, context);
		return;
	}
	if (handler_before.sa_handler != SIG_DFL && handler_before.sa_handler != SIG_IGN) {
		handler_before.sa_handler(number);
		return;
	}
	/* The instruction is tried again, and faults again, with nobody to handle it. */
	(void)sigaction(number, &handler_before, NULL);
}

static void handle_fault(int number, siginfo_t *information, void *context)
{
	const uintptr_t address = (uintptr_t)information->si_addr;
	for (struct guard *guard = atomic_load(&guards); guard != NULL; guard = guard->next) {
		if (address < atomic_load(&guard->start) || address >= atomic_load(&guard->end))
			continue;
		void *page = (void *)(address & ~(uintptr_t)(PAGE_BYTES - 1));
		if (mmap(page, PAGE_BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
			break;
		atomic_store(atomic_load(&guard->lost), true);
		return;
	}
	handle_as_before(number, information, context);
}

static void install(void)
{
	struct sigaction action = { .sa_sigaction = handle_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	(void)sigemptyset(&action.sa_mask);
	(void)sigaction(SIGBUS, &action, &handler_before);
}

/* Whoever set a handler after us keeps it. */
static void uninstall(void)
{
	struct sigaction now;
	if (sigaction(SIGBUS, NULL, &now) == 0 && (now.sa_flags & SA_SIGINFO) && now.sa_sigaction == handle_fault)
		(void)sigaction(SIGBUS, &handler_before, NULL);
}

static struct guard *find_free(void)
{
	struct guard *guard = atomic_load(&guards);
	while (guard != NULL && atomic_load(&guard->end) != 0)
		guard = guard->next;
	if (guard != NULL)
		return guard;
	guard = calloc(1, sizeof *guard);
	if (guard != NULL) {
		guard->next = atomic_load(&guards);
		atomic_store(&guards, guard);
	}
	return guard;
}

bool map_guard_add(const void *address, size_t bytes, atomic_bool *lost)
{
	pthread_mutex_lock(&guards_lock);
	struct guard *guard = find_free();
	if (guard != NULL) {
		atomic_store(&guard->lost, lost);
		atomic_store(&guard->start, (uintptr_t)address);
		atomic_store(&guard->end, (uintptr_t)address + bytes);
		if (guards_used++ == 0)
			install();
	}
	pthread_mutex_unlock(&guards_lock);
	return guard != NULL;
}

void map_guard_remove(const void *address)
{
	pthread_mutex_lock(&guards_lock);
	for (struct guard *guard = atomic_load(&guards); guard != NULL; guard = guard->next) {
		if (atomic_load(&guard->end) == 0 || atomic_load(&guard->start) != (uintptr_t)address)
			continue;
		atomic_store(&guard->end, 0);
		if (--guards_used == 0)
			uninstall();
		break;
	}
	pthread_mutex_unlock(&guards_lock);
}
