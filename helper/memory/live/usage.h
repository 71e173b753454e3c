/* SPDX-License-Identifier: MIT
 * usage: what the kernel says of a live process's memory, which no core has: /proc/PID/smaps_rollup. */
#ifndef PYDS_MEMORY_USAGE_H
#define PYDS_MEMORY_USAGE_H

#include <stdbool.h>
#include <stdint.h>

struct memory_usage { /* bytes */
	uint64_t rss, pss, swap;
	uint64_t private_bytes; /* clean and dirty: what would come back if the process ended */
	uint64_t shared_bytes; /* with other processes: files, and what a fork has not written to since */
	uint64_t anonymous, huge;
};

/* False: the process is gone, or it may not be looked at. */
bool memory_usage_read(struct memory_usage *ret_usage, int32_t pid);
/* Whether it has pages that were written to and are others' too: of a parent or a child by fork(), while both live. */
bool memory_usage_is_shared(int32_t pid);

#endif
