/* SPDX-License-Identifier: MIT */
#include "base/large_block.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/bytes.h"

enum {
	HUGE_PAGE_BYTES = 1 << 21,
	LEAST_BYTES = 2 * HUGE_PAGE_BYTES, /* below, the rounding would be a good part of the whole */
};

void large_block_advise(void *block, uint64_t bytes)
{
	if (bytes >= LEAST_BYTES)
		(void)madvise(block, bytes, MADV_HUGEPAGE);
}

void *large_allocate(uint64_t count, size_t item_bytes)
{
	uint64_t bytes;
	void *block;
	if (!checked_multiply(count, item_bytes, &bytes) || bytes > SIZE_MAX / 2)
		return NULL;
	if (bytes < LEAST_BYTES)
		return malloc(bytes > 0 ? bytes : 1);
	if (posix_memalign(&block, HUGE_PAGE_BYTES, bytes) != 0)
		return NULL;
	/* Whole pages only: what follows in the last one may be somebody else's. */
	large_block_advise(block, bytes & ~(uint64_t)4095);
	return block;
}

void *large_allocate_zero(uint64_t count, size_t item_bytes)
{
	void *block = large_allocate(count, item_bytes);
	if (block != NULL)
		memset(block, 0, count * item_bytes);
	return block;
}
