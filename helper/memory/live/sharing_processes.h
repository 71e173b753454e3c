/* SPDX-License-Identifier: MIT
 * sharing_processes: which other live processes have the memory of a live target mapped too. */
#ifndef PYDS_MEMORY_LIVE_SHARING_PROCESSES_H
#define PYDS_MEMORY_LIVE_SHARING_PROCESSES_H

#include "base/progress.h"
#include "memory/address_space.h"
#include "memory/live/procfs.h"

/* Appends the processes, other than the target, that have mapped the file that lies at an address of the target, as
 * far as this user may see it; at most LIMIT_SHARING_PROCESSES. Nothing where the target is no live process or the
 * memory there is not of a file. False: out of memory. */
bool sharing_processes_find(const struct address_space *space, uint64_t address, const struct progress *progress,
                            thread_id_array *processes);

#endif
