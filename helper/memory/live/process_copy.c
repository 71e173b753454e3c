/* SPDX-License-Identifier: MIT
 * What is copied of each mapping follows from what can change: private memory that was written to. Never-written pages
 * of an ELF file's data are copied, too (static objects lie there); its code is read from the file. */
#include "memory/live/process_copy.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/spill.h"
#include "memory/live/page_scan.h"

#define GAP_BYTES (UINT64_C(4) << 30) /* mappings with less between them share one reservation */
#define SLACK_BYTES (UINT64_C(1) << 30) /* address space kept around them for what is mapped until the stop */
#define GIANT_BYTES (UINT64_C(1) << 40) /* shadow memory of sanitizers and the like: no heap */
#define WHOLE_FILE_BYTES (UINT64_C(256) << 20) /* private data of a file up to this is copied whole */
#define HUGE_BYTES (UINT64_C(2) << 20)
#define HUGE_RUN_BYTES (UINT64_C(8) << 20) /* runs of pages from this on are worth huge pages */

#ifndef MADV_POPULATE_WRITE /* Linux 5.14 */
#define MADV_POPULATE_WRITE 23
#endif

enum copy_kind {
	COPY_PAGES, /* anonymous: populated pages, the others are zero */
	COPY_WHOLE, /* a file's: all pages */
	COPY_CHANGED, /* of a large file: pages that are no longer the file's */
	COPY_NOT, /* the process cannot have changed it: left to files and later reads */
	COPY_SHARED, /* others may write to it at any time, and no object lies there */
	COPY_NOTHING, /* not readable, or special */
};

struct plan_row {
	struct memory_mapping mapping; /* path not used later */
	enum copy_kind kind;
	size_t first_range, range_count; /* in ranges */
	uint8_t *host; /* of the mapping's first byte; NULL while it has none */
};

struct copy_area { /* host memory that mirrors a stretch of the target's */
	uint64_t start, end; /* target addresses */
	uint8_t *host; /* of the byte at start */
	void *map;
	size_t map_bytes;
	int descriptor; /* of the file behind it; -1: memory */
};

struct process_copy {
	page_run_array runs;
	ARRAY(struct plan_row) rows;
	ARRAY(struct copy_range) ranges; /* what is copied, by address */
	ARRAY(struct copy_area) areas;
	copy_failure_array failures;
	uint64_t bytes; /* sum of ranges */
};

static int no_memory(struct error *error)
{
	return error_set(error, ERROR_NO_MEMORY, "out of memory for the list of what is to be copied");
}

static bool is_file(const struct memory_mapping *mapping)
{
	return mapping->path != NULL && mapping->path[0] == '/' &&
	       strncmp(mapping->path, "/anon_hugepage", strlen("/anon_hugepage")) != 0;
}

static bool is_anonymous(const struct memory_mapping *mapping)
{
	static const char *const names[] = { "[heap]", "[stack", "[anon", "/anon_hugepage" };
	if (mapping->path == NULL || mapping->path[0] == '\0')
		return true;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strncmp(mapping->path, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

/* Without a look at pages: read-only data right before writable data of the same file was written to while the file was
 * loaded (RELRO). */
static bool may_have_changed(const struct memory_mapping *mapping, const struct memory_mapping *next)
{
	if ((mapping->protection & PROT_WRITE) != 0)
		return true;
	return (mapping->protection & PROT_EXEC) == 0 && next != NULL && next->path != NULL &&
	       next->start == mapping->end && (next->protection & PROT_WRITE) != 0 &&
	       strcmp(next->path, mapping->path) == 0;
}

static enum copy_kind kind_of(const struct memory_mapping *mapping, bool has_changed_pages)
{
	uint64_t bytes = mapping->end - mapping->start;
	if (mapping->protection == 0 || bytes >= GIANT_BYTES ||
	    (mapping->path != NULL &&
	     (strcmp(mapping->path, "[vsyscall]") == 0 || strncmp(mapping->path, "[vvar", strlen("[vvar")) == 0)))
		return COPY_NOTHING;
	if (mapping->is_shared)
		return COPY_SHARED;
	if (is_anonymous(mapping))
		return COPY_PAGES;
	if (!is_file(mapping) || ((mapping->protection & PROT_WRITE) == 0 && !has_changed_pages))
		return COPY_NOT;
	return bytes <= WHOLE_FILE_BYTES ? COPY_WHOLE : COPY_CHANGED;
}

static bool add_range(struct process_copy *copy, uint64_t start, uint64_t end)
{
	copy->bytes += end - start;
	return array_push(&copy->ranges, (struct copy_range){ .start = start, .end = end });
}

/* Plans one mapping; *run is the first run that may reach into it. */
static bool plan_row(struct process_copy *copy, const struct memory_mapping *mapping, size_t run)
{
	struct plan_row row = { .mapping = *mapping, .first_range = copy->ranges.count };
	bool has_changed = false, done = true;
	for (size_t i = run; i < copy->runs.count && copy->runs.items[i].start < mapping->end; i++)
		has_changed |= !copy->runs.items[i].is_file;
	row.kind = kind_of(mapping, has_changed);
	if (row.kind == COPY_WHOLE)
		done = add_range(copy, mapping->start, mapping->end);
	for (size_t i = run; done && (row.kind == COPY_PAGES || row.kind == COPY_CHANGED) && i < copy->runs.count &&
	                     copy->runs.items[i].start < mapping->end;
	     i++) {
		const struct page_run *pages = &copy->runs.items[i];
		uint64_t start = pages->start > mapping->start ? pages->start : mapping->start;
		uint64_t end = pages->end < mapping->end ? pages->end : mapping->end;
		/* A process that runs on while its pages are asked for may give runs that are no longer in order. */
		if (start < end && (row.kind == COPY_PAGES || !pages->is_file))
			done = add_range(copy, start, end);
	}
	row.range_count = copy->ranges.count - row.first_range;
	row.mapping.path = NULL;
	return done && array_push(&copy->rows, row);
}

/* Stands in for a look at the pages. */
static bool guess_runs(struct process_copy *copy, const struct memory_mapping *mappings, size_t mapping_count)
{
	copy->runs.count = 0;
	for (size_t i = 0; i < mapping_count; i++) {
		const struct memory_mapping *mapping = &mappings[i];
		const struct memory_mapping *next = i + 1 < mapping_count ? mapping + 1 : NULL;
		struct page_run run = { .start = mapping->start,
			                .end = mapping->end,
			                .is_file = is_file(mapping) && !may_have_changed(mapping, next) };
		if (mapping->start < mapping->end && !array_push(&copy->runs, run))
			return false;
	}
	return true;
}

int process_copy_plan(struct process_copy *copy, int pagemap, const struct memory_mapping *mappings,
                      size_t mapping_count, struct error *error)
{
	copy->rows.count = copy->ranges.count = 0;
	copy->bytes = 0;
	if ((pagemap < 0 || page_scan(pagemap, mappings, mapping_count, &copy->runs) != 0) &&
	    !guess_runs(copy, mappings, mapping_count))
		return no_memory(error);
	size_t run = 0;
	for (size_t i = 0; i < mapping_count; i++) {
		if (mappings[i].start >= mappings[i].end)
			continue;
		while (run < copy->runs.count && copy->runs.items[run].end <= mappings[i].start)
			run++;
		if (!plan_row(copy, &mappings[i], run))
			return no_memory(error);
	}
	return OK;
}

struct process_copy *process_copy_create(void)
{
	return calloc(1, sizeof(struct process_copy));
}

static void free_area(const struct copy_area *area)
{
	(void)munmap(area->map, area->map_bytes);
	if (area->descriptor >= 0)
		(void)close(area->descriptor);
}

void process_copy_destroy(struct process_copy *copy)
{
	if (copy == NULL)
		return;
	for (size_t i = 0; i < copy->areas.count; i++)
		free_area(&copy->areas.items[i]);
	array_free(&copy->areas);
	array_free(&copy->ranges);
	array_free(&copy->rows);
	array_free(&copy->runs);
	array_free(&copy->failures);
	free(copy);
}

uint64_t process_copy_bytes(const struct process_copy *copy)
{
	return copy->bytes;
}

static void *map_memory(size_t bytes)
{
	void *address = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return address != MAP_FAILED ? address : NULL;
}

/* Host memory for [start, end), at the same offset from a huge page's beginning. */
static bool add_area(struct process_copy *copy, uint64_t start, uint64_t end)
{
	struct copy_area area = { .start = start & ~(HUGE_BYTES - 1), .end = end, .descriptor = -1 };
	area.map_bytes = area.end - area.start + HUGE_BYTES;
	area.map = spill_directory() != NULL ? spill_map_sparse(area.map_bytes, &area.descriptor)
	                                     : map_memory(area.map_bytes);
	if (area.map == NULL)
		return false;
	area.host = (uint8_t *)(((uintptr_t)area.map + HUGE_BYTES - 1) & ~(uintptr_t)(HUGE_BYTES - 1));
	if (array_push(&copy->areas, area))
		return true;
	free_area(&area);
	return false;
}

static uint8_t *host_of(const struct process_copy *copy, uint64_t start, uint64_t end)
{
	for (size_t i = 0; i < copy->areas.count; i++)
		if (start >= copy->areas.items[i].start && end <= copy->areas.items[i].end)
			return copy->areas.items[i].host + (start - copy->areas.items[i].start);
	return NULL;
}

static bool is_copied(const struct plan_row *row)
{
	return row->kind == COPY_PAGES || row->kind == COPY_WHOLE || row->kind == COPY_CHANGED;
}

/* One area for each stretch of the target's address space: program and heap, libraries and arenas. */
static bool reserve(struct process_copy *copy, uint64_t slack)
{
	uint64_t start = 0, end = 0;
	for (size_t i = 0; i < copy->rows.count; i++) {
		const struct plan_row *row = &copy->rows.items[i];
		if (!is_copied(row) || host_of(copy, row->mapping.start, row->mapping.end) != NULL)
			continue;
		if (end != 0 && row->mapping.start - end > GAP_BYTES) {
			if (!add_area(copy, start > slack ? start - slack : 0, end + slack))
				return false;
			end = 0;
		}
		start = end == 0 ? row->mapping.start : start;
		end = row->mapping.end;
	}
	return end == 0 || add_area(copy, start > slack ? start - slack : 0, end + slack);
}

/* A mapping lies in one area as a whole, though areas may overlap. */
static void assign_hosts(struct process_copy *copy)
{
	for (size_t i = 0; i < copy->rows.count; i++) {
		struct plan_row *row = &copy->rows.items[i];
		if (!is_copied(row))
			continue;
		row->host = host_of(copy, row->mapping.start, row->mapping.end);
		for (size_t n = row->first_range; n < row->first_range + row->range_count; n++)
			copy->ranges.items[n].host = row->host + (copy->ranges.items[n].start - row->mapping.start);
	}
}

/* Of files: room on the disk for what is copied, so that none of it is a SIGBUS later. */
static bool reserve_files(const struct process_copy *copy)
{
	for (size_t i = 0; i < copy->ranges.count; i++) {
		const struct copy_range *range = &copy->ranges.items[i];
		for (size_t n = 0; n < copy->areas.count; n++) {
			const struct copy_area *area = &copy->areas.items[n];
			const uint64_t offset = (uint64_t)(range->host - (uint8_t *)area->map);
			if (area->descriptor >= 0 && range->host >= (uint8_t *)area->map && offset < area->map_bytes &&
			    posix_fallocate(area->descriptor, (off_t)offset, (off_t)(range->end - range->start)) != 0)
				return false;
		}
	}
	return true;
}

/* Has the system hand out the pages now, and not one by one during the stop. Where it cannot, they come then. */
static void populate(uint8_t *host, uint64_t bytes)
{
	if (bytes >= HUGE_RUN_BYTES) {
		uintptr_t first = ((uintptr_t)host + HUGE_BYTES - 1) & ~(uintptr_t)(HUGE_BYTES - 1);
		uintptr_t last = ((uintptr_t)host + bytes) & ~(uintptr_t)(HUGE_BYTES - 1);
		(void)madvise((void *)first, last - first, MADV_HUGEPAGE);
	}
	(void)madvise(host, bytes, MADV_POPULATE_WRITE);
}

bool process_copy_prepare(struct process_copy *copy)
{
	if (!reserve(copy, SLACK_BYTES) && !reserve(copy, 0))
		return false;
	assign_hosts(copy);
	if (spill_directory() != NULL)
		return reserve_files(copy);
	for (size_t i = 0; i < copy->ranges.count; i++)
		populate(copy->ranges.items[i].host, copy->ranges.items[i].end - copy->ranges.items[i].start);
	return true;
}

int process_copy_run(struct process_copy *copy, const struct copy_source *source, uint64_t *ret_bytes,
                     struct error *error)
{
	*ret_bytes = 0;
	if (!reserve(copy, 0))
		return error_set(error, ERROR_NO_MEMORY, "out of address space for a copy of %lu MiB",
		                 copy->bytes >> 20);
	assign_hosts(copy);
	if (!reserve_files(copy))
		return error_set(error, ERROR_NO_MEMORY, "%s has no room for a copy of %lu MiB", spill_directory(),
		                 copy->bytes >> 20);
	return process_transfer(source, copy->ranges.items, copy->ranges.count, &copy->failures, ret_bytes, error);
}

struct claim_list {
	ARRAY(struct segment) claims;
};

/* [start, end) of a row without the pages that could not be read; *failure moves on. */
static bool claim_copied(const struct process_copy *copy, const struct plan_row *row, uint64_t start, uint64_t end,
                         size_t *failure, struct claim_list *list)
{
	struct segment claim = { .writable_private = (row->mapping.protection & PROT_WRITE) != 0 };
	while (start < end) {
		while (*failure < copy->failures.count && copy->failures.items[*failure].end <= start)
			(*failure)++;
		const struct copy_failure *torn =
		        *failure < copy->failures.count ? &copy->failures.items[*failure] : NULL;
		bool is_torn = torn != NULL && torn->start <= start;
		claim.start = start;
		claim.end = end;
		if (is_torn && torn->end < end)
			claim.end = torn->end;
		else if (!is_torn && torn != NULL && torn->start < end)
			claim.end = torn->start;
		claim.data = is_torn ? NULL : row->host + (start - row->mapping.start);
		claim.absent = is_torn ? ABSENT_UNREADABLE : ABSENT_NOT;
		claim.protection = is_torn ? 0 : row->mapping.protection; /* not asked for again */
		if (!array_push(&list->claims, claim))
			return false;
		start = claim.end;
	}
	return true;
}

static bool claim_row(const struct process_copy *copy, const struct plan_row *row, size_t *failure,
                      struct claim_list *list)
{
	const struct memory_mapping *mapping = &row->mapping;
	if (row->kind == COPY_PAGES || row->kind == COPY_WHOLE)
		return claim_copied(copy, row, mapping->start, mapping->end, failure, list);
	for (size_t i = 0; i < row->range_count && row->kind == COPY_CHANGED; i++) {
		const struct copy_range *range = &copy->ranges.items[row->first_range + i];
		if (!claim_copied(copy, row, range->start, range->end, failure, list))
			return false;
	}
	/* Pages that are still a file's hold no object that was made. */
	struct segment claim = { .start = mapping->start,
		                 .end = mapping->end,
		                 .protection = mapping->protection,
		                 .absent = ABSENT_UNREADABLE };
	if (row->kind == COPY_SHARED || (row->kind == COPY_CHANGED && (mapping->protection & PROT_WRITE) != 0))
		claim.absent = ABSENT_NOT_DUMPED;
	if (row->kind == COPY_NOTHING && mapping->protection != 0 && mapping->end - mapping->start < GIANT_BYTES)
		return true; /* [vvar], [vsyscall] */
	if (row->kind == COPY_NOTHING)
		claim.protection = 0;
	return array_push(&list->claims, claim);
}

int process_copy_give(struct process_copy *copy, struct address_space *space, struct error *error)
{
	struct claim_list list = { .claims = { .items = NULL } };
	bool done = true;
	size_t failure = 0;
	for (size_t i = 0; i < copy->rows.count && done; i++)
		done = claim_row(copy, &copy->rows.items[i], &failure, &list);
	while (done && copy->areas.count > 0) {
		const struct copy_area *area = &copy->areas.items[--copy->areas.count];
		done = space_source_keep_map(space->source, area->map, area->map_bytes, error) >= 0;
		if (area->descriptor >= 0)
			(void)close(area->descriptor);
	}
	int status = done ? lazy_claims_create(space, list.claims.items, list.claims.count, error) : no_memory(error);
	array_free(&list.claims);
	return status;
}
