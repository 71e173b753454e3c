/* SPDX-License-Identifier: MIT */
#include "base/page_pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/array.h"
#include "base/bytes.h"

enum {
	PAGE_BYTES = 4096,
	ALIGNMENT = 1 << 21, /* a huge page's */
};

struct page_span {
	char *start;
	uint64_t bytes;
	bool is_kept; /* given back */
};

/* By address, a few tens at most: spans that were given back are one with their neighbours. */
static pthread_mutex_t spans_lock = PTHREAD_MUTEX_INITIALIZER;
static ARRAY(struct page_span) spans;
static unsigned keepers;

static bool insert_span(size_t at, const struct page_span *span)
{
	if (!array_reserve(&spans, spans.count + 1))
		return false;
	memmove(&spans.items[at + 1], &spans.items[at], (spans.count - at) * sizeof *spans.items);
	spans.items[at] = *span;
	spans.count++;
	return true;
}

static void remove_span(size_t at)
{
	memmove(&spans.items[at], &spans.items[at + 1], (--spans.count - at) * sizeof *spans.items);
	if (spans.count == 0)
		array_free(&spans);
}

/* Index of the span that begins there; spans.count: none does. */
static size_t find_span(const char *start)
{
	const size_t at = array_first_not_below(&spans, start, start);
	return at < spans.count && spans.items[at].start == start ? at : spans.count;
}

/* Of what was given back the smallest that is large enough. What it has too much is kept. */
static char *take_kept(uint64_t bytes)
{
	size_t best = spans.count;
	for (size_t i = 0; i < spans.count; i++)
		if (spans.items[i].is_kept && spans.items[i].bytes >= bytes &&
		    (best == spans.count || spans.items[i].bytes < spans.items[best].bytes))
			best = i;
	if (best == spans.count)
		return NULL;
	const struct page_span rest = { spans.items[best].start + bytes, spans.items[best].bytes - bytes, true };
	if (rest.bytes > 0 && !insert_span(best + 1, &rest))
		return NULL;
	spans.items[best].bytes = bytes;
	spans.items[best].is_kept = false;
	return spans.items[best].start;
}

/* Aligned as huge pages are: more is asked for, and what lies before and behind given back. */
static char *map_aligned(uint64_t bytes)
{
	char *mapped = mmap(NULL, bytes + ALIGNMENT, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mapped == MAP_FAILED)
		return NULL;
	const uint64_t before = round_up((uintptr_t)mapped, ALIGNMENT) - (uintptr_t)mapped;
	if (before > 0)
		(void)munmap(mapped, before);
	(void)munmap(mapped + before + bytes, ALIGNMENT - before);
	return mapped + before;
}

static char *take_fresh(uint64_t bytes)
{
	char *start = map_aligned(bytes);
	if (start == NULL)
		return NULL;
	const struct page_span span = { start, bytes, false };
	if (insert_span(array_first_not_below(&spans, start, start), &span))
		return start;
	(void)munmap(start, bytes);
	return NULL;
}

/* Takes a huge page out of what was given back, where there is a whole one; NULL: there is none. */
static char *cut_page(void)
{
	for (size_t i = 0; i < spans.count; i++) {
		struct page_span *span = &spans.items[i];
		const uint64_t before = round_up((uintptr_t)span->start, ALIGNMENT) - (uintptr_t)span->start;
		if (!span->is_kept || span->bytes < before + ALIGNMENT)
			continue;
		char *page = span->start + before;
		const struct page_span rest = { page + ALIGNMENT, span->bytes - before - ALIGNMENT, true };
		if (before == 0 && rest.bytes == 0) {
			remove_span(i);
		} else if (before == 0) {
			*span = rest;
		} else {
			if (rest.bytes > 0 && !insert_span(i + 1, &rest))
				return NULL;
			spans.items[i].bytes = before;
		}
		return page;
	}
	return NULL;
}

/* Puts what was given back in several pieces into a fresh block, page by page: nothing is copied, and nothing cleared.
 * False: not all of the block has such pages. */
static bool put_together(char *start, uint64_t bytes)
{
	uint64_t at = 0;
	for (; at + ALIGNMENT <= bytes; at += ALIGNMENT) {
		char *page = cut_page();
		if (page == NULL)
			break;
		if (mremap(page, ALIGNMENT, ALIGNMENT, MREMAP_MAYMOVE | MREMAP_FIXED, start + at) == MAP_FAILED) {
			(void)munmap(page, ALIGNMENT);
			break;
		}
	}
	return at == bytes;
}

void *page_pool_take(uint64_t bytes, bool *ret_is_fresh)
{
	if (bytes == 0 || bytes > INT64_MAX - 2 * (uint64_t)ALIGNMENT)
		return NULL;
	bytes = round_up(bytes, PAGE_BYTES);
	pthread_mutex_lock(&spans_lock);
	char *start = take_kept(bytes);
	*ret_is_fresh = false;
	if (start == NULL) {
		start = take_fresh(bytes);
		*ret_is_fresh = start != NULL && !put_together(start, bytes);
	}
	pthread_mutex_unlock(&spans_lock);
	return start;
}

/* A span that is kept and the next one, where both are and nothing lies between. */
static void join_with_next(size_t at)
{
	if (at + 1 >= spans.count)
		return;
	struct page_span *span = &spans.items[at];
	const struct page_span *next = span + 1;
	if (!span->is_kept || !next->is_kept || span->start + span->bytes != next->start)
		return;
	span->bytes += next->bytes;
	remove_span(at + 1);
}

bool page_pool_give(void *block)
{
	if (block == NULL || (uintptr_t)block % PAGE_BYTES != 0)
		return false;
	pthread_mutex_lock(&spans_lock);
	const size_t at = find_span(block);
	const bool is_ours = at < spans.count && !spans.items[at].is_kept;
	if (is_ours && keepers == 0) {
		(void)munmap(spans.items[at].start, spans.items[at].bytes);
		remove_span(at);
	} else if (is_ours) {
		spans.items[at].is_kept = true;
		join_with_next(at);
		if (at > 0)
			join_with_next(at - 1);
	}
	pthread_mutex_unlock(&spans_lock);
	return is_ours;
}

uint64_t page_pool_bytes(const void *block)
{
	pthread_mutex_lock(&spans_lock);
	const size_t at = find_span(block);
	const uint64_t bytes = at < spans.count && !spans.items[at].is_kept ? spans.items[at].bytes : 0;
	pthread_mutex_unlock(&spans_lock);
	return bytes;
}

void page_pool_keep(void)
{
	pthread_mutex_lock(&spans_lock);
	keepers++;
	pthread_mutex_unlock(&spans_lock);
}

void page_pool_release(void)
{
	pthread_mutex_lock(&spans_lock);
	if (--keepers == 0)
		for (size_t i = spans.count; i-- > 0;)
			if (spans.items[i].is_kept) {
				(void)munmap(spans.items[i].start, spans.items[i].bytes);
				remove_span(i);
			}
	pthread_mutex_unlock(&spans_lock);
}
