/* SPDX-License-Identifier: MIT
 * available_memory: how many bytes this process may take without swapping, being killed or starving others. */
#ifndef PYDS_MEMORY_AVAILABLE_MEMORY_H
#define PYDS_MEMORY_AVAILABLE_MEMORY_H

#include <stdint.h>

/* Bytes: the least of what the machine has free (MemAvailable) and what the memory limits of this process's control
 * groups (version 1 and 2, all levels that can be seen) leave. UINT64_MAX when nothing is known. root is "" but in
 * tests: what /proc and the mount points of control groups are looked up under. *ret_limit is a static phrase that
 * names what is short: "the machine's free memory", "the memory limit of the control group". */
uint64_t available_memory(const char *root, const char **ret_limit);

#endif
