/* SPDX-License-Identifier: MIT
 * page_pool: large blocks of whole pages. The kernel clears each page that it gives, and for arrays that are filled
 * once that takes as long as filling them. While somebody keeps the pool, blocks that are given back are had again as
 * they are. Any thread may ask at any time. */
#ifndef PYDS_BASE_PAGE_POOL_H
#define PYDS_BASE_PAGE_POOL_H

#include <stdbool.h>
#include <stdint.h>

/* Contents: anything. *ret_is_fresh: of some pages none was touched yet, so that there is something to advise the
 * kernel. NULL: out of memory. */
void *page_pool_take(uint64_t bytes, bool *ret_is_fresh);
/* False: the block is none of the pool's, and nothing was done. */
bool page_pool_give(void *block);
/* Bytes of a block that was taken, in whole pages; 0: it is none of the pool's. */
uint64_t page_pool_bytes(const void *block);

/* From the first call on what is given back is kept; with the last page_pool_release() it goes to the system. They
 * nest: one release for each keep. */
void page_pool_keep(void);
void page_pool_release(void);

#endif
