/* SPDX-License-Identifier: MIT */
#include "base/large_block.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/bytes.h"
#include "base/page_pool.h"
#include "base/spill.h"
#include "base/threads.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

enum {
	HUGE_PAGE_BYTES = 1 << 21,
	LEAST_BYTES = 2 * HUGE_PAGE_BYTES, /* below, the rounding would be a good part of the whole */
	SHARED_BYTES = 16 * HUGE_PAGE_BYTES, /* worth several threads to be cleared by the kernel */
};

struct clearing {
	uint8_t *block;
	uint64_t bytes;
	unsigned crew;
};

static void clear_part(void *context, unsigned member)
{
	const struct clearing *clearing = context;
	const uint64_t part = round_up(clearing->bytes / clearing->crew + 1, HUGE_PAGE_BYTES);
	const uint64_t start = member * part;
	if (start >= clearing->bytes)
		return;
	/* Where it fails, pages come one by one, when they are written. */
	(void)madvise(clearing->block + start, part < clearing->bytes - start ? part : clearing->bytes - start,
	              MADV_POPULATE_WRITE);
}

/* The kernel clears a page when it is first written. On a fresh machine that is a third of the time a large array is
 * worked on, and only the thread that writes it waits. */
static void clear_together(uint8_t *block, uint64_t bytes)
{
	struct clearing clearing = { block, bytes, crew_size() };
	if (clearing.crew > 1)
		crew_run(clearing.crew, clear_part, &clearing);
}

void large_block_advise(void *block, uint64_t bytes)
{
	if (bytes >= LEAST_BYTES)
		(void)madvise(block, bytes, MADV_HUGEPAGE);
}

void *large_allocate(uint64_t count, size_t item_bytes)
{
	uint64_t bytes;
	void *block;
	bool is_fresh;
	if (!checked_multiply(count, item_bytes, &bytes) || bytes > SIZE_MAX / 2)
		return NULL;
	if (bytes < LEAST_BYTES)
		return malloc(bytes > 0 ? bytes : 1);
	if (spill_directory() != NULL)
		return spill_allocate(bytes);
	block = page_pool_take(bytes, &is_fresh);
	if (block != NULL && is_fresh) {
		large_block_advise(block, bytes);
		if (bytes >= SHARED_BYTES)
			clear_together(block, bytes);
	}
	return block;
}

void *large_allocate_zero(uint64_t count, size_t item_bytes)
{
	void *block = large_allocate(count, item_bytes);
	if (block != NULL)
		memset(block, 0, count * item_bytes);
	return block;
}

/* Bytes of a block that is none of malloc()'s; 0: it is one. */
static uint64_t mapped_bytes(const void *block)
{
	const uint64_t bytes = page_pool_bytes(block);
	return bytes != 0 ? bytes : spill_bytes(block);
}

void *large_reallocate(void *block, uint64_t count, size_t item_bytes)
{
	uint64_t bytes;
	if (!checked_multiply(count, item_bytes, &bytes) || bytes > SIZE_MAX / 2)
		return NULL;
	const uint64_t mapped = block != NULL ? mapped_bytes(block) : 0;
	if (mapped == 0 && bytes < LEAST_BYTES)
		return realloc(block, bytes > 0 ? bytes : 1);
	void *larger = large_allocate(count, item_bytes);
	if (larger == NULL || block == NULL)
		return larger;
	const uint64_t before = mapped != 0 ? mapped : malloc_usable_size(block);
	memcpy(larger, block, before < bytes ? before : bytes);
	large_free(block);
	return larger;
}

void large_free(void *block)
{
	if (!page_pool_give(block) && !spill_free(block))
		free(block);
}
