/* SPDX-License-Identifier: MIT */
#include "allocator/jemalloc.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/limits.h"
#include "base/path.h"
#include "base/sort.h"

enum {
	LEAF_BITS = 18, /* of an address: 12 for the page, 18 for the leaf, 18 for the root (RTREE_HEIGHT 2) */
	LEAF_SHIFT = 30,
	PAGE_SHIFT = 12,
	PAGE_BYTES = 1 << PAGE_SHIFT,
	LEAF_ENTRIES = 1 << LEAF_BITS,
	EDATA_ALIGNMENT = 128,
	EDATA_HEAD = 24, /* e_bits, e_addr, e_size_esn */
	STATE_SHIFT = 17, /* in e_bits */
	CLASS_SHIFT = 20,
	FREE_SHIFT = 28,
	SLAB_SHIFT = 12,
	LARGE_PAD = PAGE_BYTES, /* of large extents, for cache-oblivious placement */
	SAMPLE_STEP = 64, /* entries of a leaf that are looked at to tell one: each 64th */
	LEAST_CONFIRMED = 4,
	BSS_BEHIND = 16 << 20, /* .bss of a library has no row of its own */
	ROOT_BYTES = 8 << LEAF_BITS,
	SLAB_BITS = 64, /* in edata_t: a bit a region, set where it is free */
	SLAB_WORDS = 8,
};

struct finder {
	const struct address_space *space;
	struct reader reader;
	ARRAY(uint64_t) tops; /* address >> LEAF_SHIFT of all writable memory, ascending */
	uint64_t class_bytes[JEMALLOC_CLASSES];
};

void jemalloc_classes(uint64_t classes[JEMALLOC_CLASSES])
{
	static const uint64_t first[] = { 8, 16, 32, 48, 64 };
	unsigned count = 0;
	for (; count < sizeof first / sizeof *first; count++)
		classes[count] = first[count];
	for (unsigned power = 6; count < JEMALLOC_CLASSES; power++)
		for (unsigned step = 1; step <= 4 && count < JEMALLOC_CLASSES; step++, count++)
			classes[count] = (UINT64_C(1) << power) + step * (UINT64_C(1) << (power - 2));
}

static bool find_tops(struct finder *finder)
{
	for (size_t i = 0; i < finder->space->segment_count; i++) {
		const struct segment *segment = &finder->space->segments[i];
		if (!segment->writable_private || segment->data == NULL)
			continue;
		for (uint64_t top = segment->start >> LEAF_SHIFT; top <= (segment->end - 1) >> LEAF_SHIFT; top++) {
			if (finder->tops.count > 0 && finder->tops.items[finder->tops.count - 1] == top)
				continue;
			if (finder->tops.count >= LIMIT_JEMALLOC_LEAVES || !array_push(&finder->tops, top))
				return false;
		}
	}
	return true;
}

/* edata_t behind a leaf's entry: bits 7 to 47. */
static uint64_t descriptor_of(uint64_t entry)
{
	return entry & ((UINT64_C(1) << 48) - 1) & ~(uint64_t)(EDATA_ALIGNMENT - 1);
}

static bool read_extent(struct finder *finder, uint64_t descriptor, struct jemalloc_extent *ret_extent)
{
	const uint8_t *head = reader_at(&finder->reader, descriptor, EDATA_HEAD);
	if (head == NULL)
		return false;
	const uint64_t bits = load_u64(head), start = load_u64(head + 8) & ~(uint64_t)(PAGE_BYTES - 1);
	const uint64_t bytes = load_u64(head + 16) & ~(uint64_t)(PAGE_BYTES - 1);
	const unsigned class = bits >> CLASS_SHIFT & 0xff;
	*ret_extent =
	        (struct jemalloc_extent){ .start = start,
		                          .end = start + bytes,
		                          .block = load_u64(head + 8),
		                          .descriptor = descriptor,
		                          .region_bytes = class < JEMALLOC_CLASSES ? finder->class_bytes[class] : 0,
		                          .free_regions = bits >> FREE_SHIFT & 0x3ff,
		                          .state = bits >> STATE_SHIFT & 7,
		                          .is_slab = (bits >> SLAB_SHIFT & 1) != 0 };
	return bytes != 0 && start + bytes > start && ret_extent->state < JEMALLOC_STATES;
}

/* Whether a leaf's entries name extents that contain their pages; *count of them. */
static bool leaf_is_sane(struct finder *finder, uint64_t leaf, uint64_t top, unsigned *count)
{
	const uint8_t *entries = reader_at(&finder->reader, leaf, (uint64_t)LEAF_ENTRIES * 8);
	if (entries == NULL)
		return false;
	for (uint64_t i = 0; i < LEAF_ENTRIES; i += SAMPLE_STEP) {
		const uint64_t descriptor = descriptor_of(load_u64(entries + 8 * i));
		struct jemalloc_extent extent;
		if (descriptor == 0)
			continue;
		const uint64_t page = (top << LEAF_SHIFT) + (i << PAGE_SHIFT);
		if (!read_extent(finder, descriptor, &extent) || page < extent.start || page >= extent.end)
			return false;
		++*count;
	}
	return true;
}

static bool root_is_sane(struct finder *finder, uint64_t root)
{
	unsigned count = 0;
	for (size_t i = 0; i < finder->tops.count; i++) {
		uint64_t leaf;
		if (!reader_u64(&finder->reader, root + 8 * finder->tops.items[i], &leaf) || leaf == 0)
			continue;
		if (leaf % 64 != 0 || !leaf_is_sane(finder, leaf, finder->tops.items[i], &count))
			return false;
	}
	return count >= LEAST_CONFIRMED;
}

/* The root is 2 MiB of .bss, nearly all of it 0: the first word that is not names a leaf. */
static uint64_t find_root(struct finder *finder, uint64_t start, uint64_t end)
{
	for (uint64_t at = round_up(start, 8); at + 8 <= end; at += 8) {
		uint64_t leaf;
		if (!reader_u64(&finder->reader, at, &leaf) || leaf == 0 || leaf % 64 != 0 ||
		    reader_at(&finder->reader, leaf, (uint64_t)LEAF_ENTRIES * 8) == NULL)
			continue;
		for (size_t i = 0; i < finder->tops.count; i++) {
			const uint64_t root = at - 8 * finder->tops.items[i];
			if (root >= start - 8 && root < at + 8 && root_is_sane(finder, root))
				return root;
		}
	}
	return 0;
}

static int add_extents(struct finder *finder, struct jemalloc *jemalloc, uint64_t root, struct progress *progress,
                       struct error *error)
{
	uint64_t steps = 0, before = 0;
	for (size_t i = 0; i < finder->tops.count; i++) {
		uint64_t leaf;
		if (!reader_u64(&finder->reader, root + 8 * finder->tops.items[i], &leaf) || leaf == 0)
			continue;
		const uint8_t *entries = reader_at(&finder->reader, leaf, (uint64_t)LEAF_ENTRIES * 8);
		for (uint64_t j = 0; entries != NULL && j < LEAF_ENTRIES; j++) {
			const uint64_t descriptor = descriptor_of(load_u64(entries + 8 * j));
			struct jemalloc_extent extent;
			if (progress_look(progress, &steps) != OK)
				return progress_cancelled(error);
			/* Neighbours are pages of one extent. */
			if (descriptor == 0 || descriptor == before)
				continue;
			before = descriptor;
			if (read_extent(finder, descriptor, &extent) && !array_push(&jemalloc->extents, extent))
				return error_set(error, ERROR_NO_MEMORY, "out of memory for jemalloc's extents");
		}
	}
	return OK;
}

static int compare_extents(const void *left, const void *right)
{
	const struct jemalloc_extent *a = left, *b = right;
	return a->start < b->start ? -1 : a->start > b->start;
}

/* Each once, though a slab may be named page by page; sums as stats.* has them. */
static void sum_up(struct jemalloc *jemalloc)
{
	size_t kept = 0;
	for (size_t i = 0; i < jemalloc->extents.count; i++) {
		const struct jemalloc_extent *extent = &jemalloc->extents.items[i];
		if (kept > 0 && jemalloc->extents.items[kept - 1].end > extent->start)
			continue;
		const uint64_t bytes = extent->end - extent->start;
		jemalloc->bytes[extent->state] += bytes;
		if (extent->state == JEMALLOC_ACTIVE && extent->is_slab && extent->region_bytes != 0) {
			const uint64_t regions = bytes / extent->region_bytes;
			const uint64_t unused = extent->free_regions < regions ? extent->free_regions : regions;
			jemalloc->allocated += (regions - unused) * extent->region_bytes;
			jemalloc->slab_free += unused * extent->region_bytes;
		} else if (extent->state == JEMALLOC_ACTIVE) {
			jemalloc->allocated += extent->region_bytes != 0 && extent->region_bytes + LARGE_PAD == bytes
			                               ? extent->region_bytes
			                               : bytes - LARGE_PAD;
		}
		jemalloc->extents.items[kept++] = *extent;
	}
	jemalloc->extents.count = kept;
}

/* The one that stands in for malloc is told by its name; one that a library was linked with (polars, databases), by
 * that the library has room for its root among its variables. */
static bool may_have_root(const struct address_space *space, const struct mapped_file *file)
{
	for (size_t i = 0; file->is_elf && i < space->segment_count; i++) {
		const struct segment *segment = &space->segments[i];
		const uint64_t start = segment->start > file->start ? segment->start : file->start;
		const uint64_t end = segment->end < file->end ? segment->end : file->end;
		if (segment->writable_private && segment->data != NULL && start < end && end - start >= ROOT_BYTES)
			return true;
	}
	return false;
}

static bool is_jemalloc(const struct mapped_file *file)
{
	const char *name = path_base_name(file->path);
	return file->is_elf && strncmp(name, "libjemalloc", 11) == 0;
}

static int find_in_file(struct finder *finder, struct jemalloc *jemalloc, const struct mapped_file *file,
                        struct progress *progress, struct error *error)
{
	for (size_t i = 0; i < finder->space->segment_count; i++) {
		const struct segment *segment = &finder->space->segments[i];
		if (!segment->writable_private || segment->data == NULL || segment->end <= file->start ||
		    segment->start >= file->end)
			continue;
		const uint64_t start = segment->start < file->start ? file->start : segment->start;
		uint64_t end = segment->end;
		if (end - start > BSS_BEHIND)
			end = start + BSS_BEHIND;
		const uint64_t root = find_root(finder, start, end);
		if (root == 0)
			continue;
		jemalloc->file = file;
		TRY(add_extents(finder, jemalloc, root, progress, error));
		if (sort_items(jemalloc->extents.items, jemalloc->extents.count, sizeof *jemalloc->extents.items,
		               compare_extents, progress) < 0)
			return progress_cancelled(error);
		sum_up(jemalloc);
		return OK;
	}
	return OK;
}

int jemalloc_find(struct jemalloc *jemalloc, const struct address_space *space, struct progress *progress,
                  struct error *error)
{
	struct finder finder = { .space = space };
	int status = OK;
	memset(jemalloc, 0, sizeof *jemalloc);
	for (size_t i = 0; status == OK && jemalloc->file == NULL && i < 2 * space->files.count; i++) {
		const bool is_named = i < space->files.count; /* those first */
		const struct mapped_file *file = &space->files.items[i % space->files.count];
		if (is_named ? !is_jemalloc(file) : !may_have_root(space, file))
			continue;
		if (finder.tops.count == 0) {
			reader_init(&finder.reader, space);
			jemalloc_classes(finder.class_bytes);
			if (!find_tops(&finder))
				break;
		}
		status = find_in_file(&finder, jemalloc, file, progress, error);
	}
	array_free(&finder.tops);
	return status;
}

void jemalloc_clear(struct jemalloc *jemalloc)
{
	array_free(&jemalloc->extents);
}

const struct jemalloc_extent *jemalloc_extent_at(const struct jemalloc *jemalloc, uint64_t address)
{
	size_t low = 0, high = jemalloc->extents.count;
	while (low < high) {
		const size_t middle = (low + high) / 2;
		if (jemalloc->extents.items[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < jemalloc->extents.count && jemalloc->extents.items[low].start <= address
	               ? &jemalloc->extents.items[low]
	               : NULL;
}

/* Whether the bits of a slab are as many as it says are free; without that they are not believed. */
static bool slab_bits(struct reader *reader, const struct jemalloc_extent *extent, uint64_t regions,
                      uint64_t ret_bits[SLAB_WORDS])
{
	const uint8_t *words = reader_at(reader, extent->descriptor + SLAB_BITS, 8 * SLAB_WORDS);
	uint64_t unused = 0;
	if (words == NULL || regions > 64 * SLAB_WORDS)
		return false;
	for (uint64_t i = 0; i < SLAB_WORDS; i++)
		ret_bits[i] = load_u64(words + 8 * i);
	for (uint64_t i = 0; i < regions; i++)
		unused += ret_bits[i / 64] >> i % 64 & 1;
	return unused == extent->free_regions;
}

bool jemalloc_cursor_next(struct jemalloc_cursor *cursor, uint64_t *ret_address, uint64_t *ret_bytes)
{
	const struct jemalloc *jemalloc = cursor->jemalloc;
	for (; cursor->extent < jemalloc->extents.count; cursor->extent++, cursor->region = 0) {
		const struct jemalloc_extent *extent = &jemalloc->extents.items[cursor->extent];
		const bool is_slab = extent->is_slab && extent->region_bytes != 0;
		const uint64_t regions = is_slab ? (extent->end - extent->start) / extent->region_bytes : 1;
		if (extent->state != JEMALLOC_ACTIVE)
			continue;
		if (cursor->region == 0 && is_slab && !slab_bits(cursor->reader, extent, regions, cursor->bits))
			continue;
		while (cursor->region < regions) {
			const uint64_t i = cursor->region++;
			if (is_slab && (cursor->bits[i / 64] >> i % 64 & 1) != 0)
				continue;
			*ret_address = is_slab ? extent->start + i * extent->region_bytes : extent->block;
			*ret_bytes = is_slab ? extent->region_bytes : extent->end - extent->block;
			return true;
		}
	}
	return false;
}
