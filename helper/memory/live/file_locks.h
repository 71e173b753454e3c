/* SPDX-License-Identifier: MIT
 * file_locks: who has a lock on a file, as the kernel tells it of live processes: flock(), lockf(), fcntl(). */
#ifndef PYDS_MEMORY_LIVE_FILE_LOCKS_H
#define PYDS_MEMORY_LIVE_FILE_LOCKS_H

#include <stdbool.h>
#include <stdint.h>

#include "memory/address_space.h"

struct file_lock {
	int32_t process; /* that took it; -1: the lock is of an open file and names none, 0: one that is not seen from
	                    here */
	int32_t descriptor; /* of the target, through which the target has it; -1: through none */
};

/* The lock that a call of the target on one of its descriptors waits for; or, where none waits, the first one on that
 * file. False: the target is no live process, or there is none. Asked when it is called. */
bool file_lock_of_descriptor(const struct address_space *space, int32_t descriptor, struct file_lock *ret_lock);
/* The first one on the file that the target knows by that path. */
bool file_lock_of_path(const struct address_space *space, const char *path, struct file_lock *ret_lock);

#endif
