/* SPDX-License-Identifier: MIT */
#include "memory/budget.h"

#include <stdio.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/spill.h"
#include "memory/live/available_memory.h"

enum {
	SPARE_BYTES = 32 << 20, /* left to others whatever happens: the target lives on, and allocates */
	LOOK_BYTES = 8 << 20, /* fetched between two looks, which cost some tens of microseconds */
};

static const char advice[] =
        "use --spill DIR (arrays and copy on disk), look at a core, raise the limit, or run it from outside of the "
        "target's control group";

/* Anonymous memory and file pages of this process that are in memory. */
static uint64_t resident_bytes(void)
{
	unsigned long long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");
	if (file == NULL)
		return 0;
	if (fscanf(file, "%*u %llu", &pages) != 1)
		pages = 0;
	(void)fclose(file);
	return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* What may still be taken, and what says so. */
static uint64_t left(const struct memory_budget *budget, const char **ret_limit)
{
	uint64_t available = available_memory("", ret_limit);
	available = available > SPARE_BYTES ? available - SPARE_BYTES : 0;
	const uint64_t most = atomic_load_explicit(&budget->most, memory_order_relaxed);
	if (most == 0)
		return available;
	const uint64_t used = resident_bytes();
	const uint64_t allowed = most > used ? most - used : 0;
	if (allowed >= available)
		return available;
	*ret_limit = "--max-memory";
	return allowed;
}

int budget_require(const struct memory_budget *budget, uint64_t bytes, const char *purpose, struct error *error)
{
	const char *limit;
	const uint64_t available = left(budget, &limit);
	if (bytes <= available)
		return OK;
	return error_set(error, ERROR_LIMIT, "%s needs about %lu MiB of memory, and %s leaves %lu MiB: %s", purpose,
	                 (bytes >> 20) + 1, limit, available >> 20, advice);
}

bool budget_take(struct memory_budget *budget, uint64_t bytes)
{
	const char *limit;
	/* The kernel takes back what lies in files of ours before it ends anybody. */
	if (spill_directory() != NULL)
		return true;
	if (atomic_load_explicit(&budget->is_exceeded, memory_order_relaxed))
		return false;
	const uint64_t taken = atomic_fetch_add_explicit(&budget->taken, bytes, memory_order_relaxed) + bytes;
	if (taken < atomic_load_explicit(&budget->next_look, memory_order_relaxed))
		return true;
	atomic_store_explicit(&budget->next_look, taken + LOOK_BYTES, memory_order_relaxed);
	if (left(budget, &limit) >= LOOK_BYTES)
		return true;
	atomic_store_explicit(&budget->is_exceeded, true, memory_order_relaxed);
	return false;
}

int budget_exceeded(const struct memory_budget *budget, struct error *error)
{
	const char *limit;
	const uint64_t available = left(budget, &limit);
	return error_set(error, ERROR_LIMIT,
	                 "memory is short after %lu MiB of the target were read: %s leaves %lu MiB; %s",
	                 atomic_load(&budget->taken) >> 20, limit, available >> 20, advice);
}
