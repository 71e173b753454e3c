/* SPDX-License-Identifier: MIT
 * map_guard: mapped files that somebody else may cut short while we read them. The kernel then sends SIGBUS, which
 * would end the program that we are loaded into. While a mapping is guarded, such a fault inside it is answered by a
 * page of zeros and a remark that the mapping is lost, so that whoever reads goes on, and what was made of it is thrown
 * away. All other SIGBUS go to the handler that was there before. */
#ifndef PYDS_MEMORY_MAP_GUARD_H
#define PYDS_MEMORY_MAP_GUARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* From now on a fault in [address, address + bytes) sets *lost, which must live until map_guard_remove(). False: out of
 * memory, and the mapping is not guarded. */
bool map_guard_add(const void *address, size_t bytes, atomic_bool *lost);
/* Before munmap(). Nothing happens for an address that is not guarded. */
void map_guard_remove(const void *address);

#endif
