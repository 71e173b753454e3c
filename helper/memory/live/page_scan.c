/* SPDX-License-Identifier: MIT
 * The kernel (6.7 and later) finds the populated pages itself, hopping over holes of any size; older ones give eight
 * bytes for each page (Documentation/admin-guide/mm/pagemap.rst). */
#include "memory/live/page_scan.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { PAGE_BYTES = 4096, REGIONS = 4096, ENTRIES = 65536 };

/* linux/fs.h since 6.7 */
struct scan_region {
	uint64_t start, end, categories;
};

struct scan_arguments {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};

#define SCAN _IOWR('f', 16, struct scan_arguments)
#define CATEGORY_FILE (UINT64_C(1) << 2)
#define CATEGORY_PRESENT (UINT64_C(1) << 3)
#define CATEGORY_SWAPPED (UINT64_C(1) << 4)
#define CATEGORY_ZERO (UINT64_C(1) << 5) /* the one page of zeros that all untouched memory shares */

#define ENTRY_PRESENT (UINT64_C(1) << 63)
#define ENTRY_SWAPPED (UINT64_C(1) << 62)
#define ENTRY_FILE (UINT64_C(1) << 61)

#define LAST_ADDRESS (UINT64_C(1) << 56) /* of user memory; [vsyscall] lies beyond */

static bool add_run(page_run_array *runs, uint64_t start, uint64_t end, bool is_file)
{
	struct page_run *last = runs->count > 0 ? &runs->items[runs->count - 1] : NULL;
	if (last != NULL && last->end == start && last->is_file == is_file) {
		last->end = end;
		return true;
	}
	return array_push(runs, (struct page_run){ .start = start, .end = end, .is_file = is_file });
}

static int scan_by_kernel(int pagemap, uint64_t start, uint64_t end, struct scan_region *regions, page_run_array *runs)
{
	while (start < end) {
		struct scan_arguments arguments = {
			.size = sizeof arguments,
			.start = start,
			.end = end,
			.vec = (uintptr_t)regions,
			.vec_len = REGIONS,
			.category_inverted = CATEGORY_ZERO,
			.category_mask = CATEGORY_ZERO,
			.category_anyof_mask = CATEGORY_PRESENT | CATEGORY_SWAPPED,
			.return_mask = CATEGORY_FILE,
		};
		int count = ioctl(pagemap, SCAN, &arguments);
		if (count < 0)
			return -errno;
		for (int i = 0; i < count && i < REGIONS; i++)
			if (!add_run(runs, regions[i].start, regions[i].end,
			             (regions[i].categories & CATEGORY_FILE) != 0))
				return -ENOMEM;
		if (arguments.walk_end <= start)
			break;
		start = arguments.walk_end;
	}
	return 0;
}

static int scan_entries(int pagemap, uint64_t start, uint64_t end, uint64_t *entries, page_run_array *runs)
{
	for (uint64_t at = start; at < end;) {
		uint64_t wanted = (end - at) / PAGE_BYTES < ENTRIES ? (end - at) / PAGE_BYTES : ENTRIES;
		ssize_t size =
		        pread(pagemap, entries, wanted * sizeof *entries, (off_t)(at / PAGE_BYTES * sizeof *entries));
		if (size < (ssize_t)sizeof *entries) /* an entry in part would be asked for for ever */
			return size < 0 ? -errno : -EIO;
		uint64_t count = (uint64_t)size / sizeof *entries;
		for (uint64_t i = 0; i < count; i++)
			if ((entries[i] & (ENTRY_PRESENT | ENTRY_SWAPPED)) != 0 &&
			    !add_run(runs, at + i * PAGE_BYTES, at + (i + 1) * PAGE_BYTES,
			             (entries[i] & ENTRY_FILE) != 0))
				return -ENOMEM;
		at += count * PAGE_BYTES;
	}
	return 0;
}

/* The kernel hops over what lies between mappings; only shared memory, which can be huge, is left out. */
static int scan_ranges(int pagemap, const struct memory_mapping *mappings, size_t mapping_count,
                       struct scan_region *regions, page_run_array *runs)
{
	int status = 0;
	for (size_t i = 0; i < mapping_count && status == 0; i++) {
		size_t last = i;
		if (mappings[i].is_shared)
			continue;
		while (last + 1 < mapping_count && !mappings[last + 1].is_shared &&
		       mappings[last + 1].end <= LAST_ADDRESS)
			last++;
		if (mappings[last].end <= LAST_ADDRESS)
			status = scan_by_kernel(pagemap, mappings[i].start, mappings[last].end, regions, runs);
		i = last;
	}
	return status;
}

static int scan_mappings(int pagemap, const struct memory_mapping *mappings, size_t mapping_count, uint64_t *entries,
                         page_run_array *runs)
{
	int status = 0;
	for (size_t i = 0; i < mapping_count && status == 0; i++)
		if (mappings[i].protection != 0 && !mappings[i].is_shared && mappings[i].end <= LAST_ADDRESS)
			status = scan_entries(pagemap, mappings[i].start, mappings[i].end, entries, runs);
	return status;
}

int page_scan(int pagemap, const struct memory_mapping *mappings, size_t mapping_count, page_run_array *runs)
{
	union {
		struct scan_region regions[REGIONS];
		uint64_t entries[ENTRIES];
	} *buffer = malloc(sizeof *buffer);
	if (buffer == NULL)
		return -ENOMEM;
	runs->count = 0;
	int status = scan_ranges(pagemap, mappings, mapping_count, buffer->regions, runs);
	if (status == -ENOTTY || status == -EINVAL) {
		runs->count = 0;
		status = scan_mappings(pagemap, mappings, mapping_count, buffer->entries, runs);
	}
	free(buffer);
	if (status != 0)
		runs->count = 0;
	return status;
}
