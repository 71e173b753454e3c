/* SPDX-License-Identifier: MIT
 * page_scan: which pages of a process hold anything. A page that was never touched holds zeros (or its file's bytes)
 * and need not be copied. */
#ifndef PYDS_MEMORY_PAGE_SCAN_H
#define PYDS_MEMORY_PAGE_SCAN_H

#include "base/array.h"
#include "memory/address_space.h"

struct page_run { /* pages in memory or swapped out, of one kind; by address, disjoint */
	uint64_t start, end;
	bool is_file; /* still the file's own pages, or shared memory; else private to the process */
};

typedef ARRAY(struct page_run) page_run_array;

/* Adds the populated pages of the mappings, which are sorted. pagemap: a descriptor of /proc/PID/pagemap. 0 or a
 * negative errno; then *runs is empty. */
int page_scan(int pagemap, const struct memory_mapping *mappings, size_t mapping_count, page_run_array *runs);

#endif
