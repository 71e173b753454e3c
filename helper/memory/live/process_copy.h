/* SPDX-License-Identifier: MIT
 * process_copy: the private memory of a process, copied in bulk while it is stopped. What the copy goes into is made
 * ready before the stop, so that the stop lasts no longer than moving the bytes; pages that were never touched are not
 * copied. */
#ifndef PYDS_MEMORY_PROCESS_COPY_H
#define PYDS_MEMORY_PROCESS_COPY_H

#include "memory/live/process_transfer.h"
#include "memory/space_source.h"

struct process_copy;

struct process_copy *process_copy_create(void); /* NULL: out of memory */
void process_copy_destroy(struct process_copy *copy); /* NULL is fine; memory that was given to a space stays */

/* Decides what is to be copied, of a process that is stopped or still runs. mappings: all of them, sorted. pagemap: a
 * descriptor of /proc/PID/pagemap, -1 if it may not be read (then untouched pages count, too). */
int process_copy_plan(struct process_copy *copy, int pagemap, const struct memory_mapping *mappings,
                      size_t mapping_count, struct error *error);
/* That the last plan copies. */
uint64_t process_copy_bytes(const struct process_copy *copy);

/* Takes memory for the plan from the system, before the process is stopped and planned for again. False where address
 * space is short. */
bool process_copy_prepare(struct process_copy *copy);

/* Copies with several threads. *ret_bytes: that were copied. Out of address space: ERROR_NO_MEMORY. */
int process_copy_run(struct process_copy *copy, const struct copy_source *source, uint64_t *ret_bytes,
                     struct error *error);

/* Makes the segments of space: what was copied; shared memory, absent; the rest, which the process cannot change, read
 * from files or as it is asked for. The space owns the copied bytes from now on. */
int process_copy_give(struct process_copy *copy, struct address_space *space, struct error *error);

#endif
