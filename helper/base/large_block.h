/* SPDX-License-Identifier: MIT
 * large_block: memory for arrays of millions of items, on huge pages where the system has them: arrays that are gone
 * through at random cost a page walk for each item otherwise, and every 4 KiB a fault when they are first written. */
#ifndef PYDS_BASE_LARGE_BLOCK_H
#define PYDS_BASE_LARGE_BLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Of count items; large_free() frees them. NULL when memory is out, or the directory of base/spill.h where they go
 * there. Only for arrays that will be filled: of a huge page all is taken as soon as a byte is touched. */
void *large_allocate(uint64_t count, size_t item_bytes);
void *large_allocate_zero(uint64_t count, size_t item_bytes);
/* As realloc(): the first items stay, up to count of them. NULL, and the block as it was, when memory is out. A block
 * may also be malloc()'s, or NULL. */
void *large_reallocate(void *block, uint64_t count, size_t item_bytes);
void large_free(void *block); /* NULL is fine */

/* The same advice for memory that mmap() gave. */
void large_block_advise(void *block, uint64_t bytes);

#endif
