/* SPDX-License-Identifier: MIT
 * glibc_cached: chunks that look as if they were in use and are not: those in threads' caches (tcache) and fast bins.
 */
#ifndef PYDS_ALLOCATOR_GLIBC_CACHED_H
#define PYDS_ALLOCATOR_GLIBC_CACHED_H

#include "allocator/glibc_use.h"

/* One way or the other the links of these lists are written: as they are, or since 2.32 mixed with their place. */
enum glibc_links { GLIBC_LINKS_UNKNOWN, GLIBC_LINKS_PLAIN, GLIBC_LINKS_SAFE };

/* Whether an in-use chunk of that size may be a thread's cache itself. */
bool glibc_may_be_cache(uint64_t chunk_bytes);

struct glibc_caches {
	struct glibc_walk *walk;
	struct reader *reader;
	ARRAY(uint64_t) candidates; /* memory of chunks that may be a thread's cache */
	enum glibc_links links;
};

/* Follows caches and fast bins, adds what they hold to walk->cached and the sums. ERROR_NO_MEMORY, or OK. A list that
 * is broken is a refusal. */
int glibc_find_cached(struct glibc_caches *caches, struct error *error);

#endif
