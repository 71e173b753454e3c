/* SPDX-License-Identifier: MIT
 * spill: large arrays in files instead of memory. A file without a name in a directory of the user's choice, mapped
 * shared: the kernel writes it to the disk where memory is short, and no memory limit is exceeded by it. Its room on
 * the disk is reserved before it is used, so that a full disk is an error and not a SIGBUS. */
#ifndef PYDS_BASE_SPILL_H
#define PYDS_BASE_SPILL_H

#include <stdbool.h>
#include <stdint.h>

/* Where large arrays of this thread, and of crews that it starts, go from now on; NULL: into memory. Borrowed. */
void spill_to(const char *directory);
const char *spill_directory(void);

/* Zeros, page-aligned. NULL: the directory has no room, or no file can be made in it. */
void *spill_allocate(uint64_t bytes);
/* Address space of so many bytes over a file whose room is not reserved: whoever writes to it does that before, by
 * posix_fallocate(), and closes the descriptor in the end. munmap() frees it. NULL: no file can be made. */
void *spill_map_sparse(uint64_t bytes, int *ret_descriptor);
/* False: the block is none of spill_allocate()'s, and nothing was done. */
bool spill_free(void *block);
/* Bytes of a block; 0: it is none of spill_allocate()'s. */
uint64_t spill_bytes(const void *block);

#endif
