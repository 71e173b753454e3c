/* SPDX-License-Identifier: MIT
 * process_transfer: bytes of a stopped process to memory of ours, as fast as the machine moves them. */
#ifndef PYDS_MEMORY_PROCESS_TRANSFER_H
#define PYDS_MEMORY_PROCESS_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/array.h"
#include "base/progress.h"

struct copy_source {
	int32_t process_id, thread_id; /* thread: any living one of the stopped process */
	int memory; /* /proc/PID/mem, for where process_vm_readv() is not allowed; -1: none */
	/* With others, as after a fork(): process_vm_readv() would give the process pages of its own (Linux 5.19,
	 * mm/gup.c: a pin of an anonymous page that may be shared ends the sharing), which /proc/PID/mem does not. */
	bool shares_pages;
	struct progress *progress; /* counts bytes, taken back in the end */
};

struct copy_range {
	uint64_t start, end; /* target addresses */
	uint8_t *host; /* where the bytes go */
};

struct copy_failure { /* a page that could not be read */
	uint64_t start, end;
};

typedef ARRAY(struct copy_failure) copy_failure_array;

/* Copies ranges with as many threads as pay. *ret_bytes: that were copied. Pages that cannot be read are added to
 * *failures, sorted and merged. ERROR_NOT_FOUND: the process ended meanwhile. */
int process_transfer(const struct copy_source *source, const struct copy_range *ranges, size_t range_count,
                     copy_failure_array *failures, uint64_t *ret_bytes, struct error *error);

#endif
