/* SPDX-License-Identifier: MIT */
#include "allocator/jemalloc.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/limits.h"
#include "base/path.h"
#include "base/sort.h"

enum {
	PAGE_SHIFT = 12,
	PAGE_BYTES = 1 << PAGE_SHIFT,
	EDATA_HEAD = 24, /* e_bits, e_addr, e_size_esn */
	SLAB_SHIFT = 12, /* in e_bits */
	LARGE_PAD = PAGE_BYTES, /* of large extents, for cache-oblivious placement */
	SAMPLE_STEP = 64, /* entries of a leaf that are looked at to tell one: each 64th */
	LEAST_CONFIRMED = 4,
	BSS_BEHIND = 16 << 20, /* .bss of a library has no row of its own */
	ROOT_BYTES = 8 << 18, /* of the first two of the formats */
	SLAB_BITS = 64, /* in edata_t: a bit a region, set where it is free */
	SLAB_WORDS = 8,
};

/* The tree has two levels where the processor that built it had 48 bits of address (configure asks it: LG_VADDR), 18
 * each beside the page's 12, and a leaf's entry has everything in one word; three of 15 and two words where it had 57
 * (include/jemalloc/internal/rtree.h). Extents of 5.2 are extent_t (extent_structs.h), whose e_bits has no bits for
 * page allocators and guards, and one for dumps; of 5.3 edata_t (edata.h). */
struct format {
	uint8_t leaf_shift; /* of an address: which leaf */
	uint8_t node_bits; /* of the level between the root and the leaves; 0: none */
	uint8_t entry_bytes; /* of a leaf's entry */
	uint8_t entry_class_shift; /* of the size class in its last word of 16 or 32 bits */
	uint8_t alignment; /* of descriptors */
	uint8_t state_shift, state_mask, class_shift, free_shift; /* in e_bits */
};

static const struct format formats[] = {
	{ 30, 0, 8, 0, 128, 17, 7, 20, 28 }, /* 5.3 */
	{ 30, 0, 8, 0, 64, 16, 3, 18, 26 }, /* 5.2 */
	{ 27, 15, 16, 5, 128, 17, 7, 20, 28 }, /* 5.3, 57 bits */
	{ 27, 15, 16, 0, 64, 16, 3, 18, 26 }, /* 5.2, 57 bits */
};

enum { FORMATS = sizeof formats / sizeof *formats, FORMATS_48 = 2 };

struct finder {
	const struct address_space *space;
	struct reader reader;
	const struct format *format;
	ARRAY(uint64_t) tops; /* address >> leaf_shift of all writable memory, ascending */
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
	const unsigned shift = finder->format->leaf_shift;
	finder->tops.count = 0;
	for (size_t i = 0; i < finder->space->segment_count; i++) {
		const struct segment *segment = &finder->space->segments[i];
		if (!segment->writable_private || segment->data == NULL)
			continue;
		for (uint64_t top = segment->start >> shift; top <= (segment->end - 1) >> shift; top++) {
			if (finder->tops.count > 0 && finder->tops.items[finder->tops.count - 1] == top)
				continue;
			if (finder->tops.count >= LIMIT_JEMALLOC_LEAVES || !array_push(&finder->tops, top))
				return false;
		}
	}
	return true;
}

static uint64_t leaf_entries(const struct finder *finder)
{
	return UINT64_C(1) << (finder->format->leaf_shift - PAGE_SHIFT);
}

static const uint8_t *leaf_at(struct finder *finder, uint64_t leaf)
{
	return leaf != 0 && leaf % 64 == 0
	               ? reader_at(&finder->reader, leaf, leaf_entries(finder) * finder->format->entry_bytes)
	               : NULL;
}

/* Address of the leaf of a top; 0: it has none. */
static uint64_t leaf_of(struct finder *finder, uint64_t root, uint64_t top)
{
	const unsigned bits = finder->format->node_bits;
	uint64_t node, leaf;
	if (!reader_u64(&finder->reader, root + 8 * (top >> bits), &node))
		return 0;
	if (bits == 0 || node == 0)
		return node;
	return reader_u64(&finder->reader, node + 8 * (top & ((UINT64_C(1) << bits) - 1)), &leaf) ? leaf : 0;
}

/* edata_t behind a leaf's entry. */
static uint64_t descriptor_of(const struct finder *finder, const uint8_t *entry)
{
	return load_u64(entry) & ((UINT64_C(1) << 48) - 1) & ~(uint64_t)(finder->format->alignment - 1);
}

/* The size class that the entry repeats, for those who only free. */
static unsigned class_of(const struct finder *finder, const uint8_t *entry)
{
	return finder->format->entry_bytes == 8 ? (unsigned)(load_u64(entry) >> 48)
	                                        : load_u32(entry + 8) >> finder->format->entry_class_shift;
}

static bool read_extent(struct finder *finder, uint64_t descriptor, struct jemalloc_extent *ret_extent)
{
	const struct format *format = finder->format;
	const uint8_t *head = reader_at(&finder->reader, descriptor, EDATA_HEAD);
	if (head == NULL)
		return false;
	const uint64_t bits = load_u64(head), start = load_u64(head + 8) & ~(uint64_t)(PAGE_BYTES - 1);
	const uint64_t bytes = load_u64(head + 16) & ~(uint64_t)(PAGE_BYTES - 1);
	const unsigned class = bits >> format->class_shift & 0xff;
	*ret_extent =
	        (struct jemalloc_extent){ .start = start,
		                          .end = start + bytes,
		                          .block = load_u64(head + 8),
		                          .descriptor = descriptor,
		                          .region_bytes = class < JEMALLOC_CLASSES ? finder->class_bytes[class] : 0,
		                          .free_regions = bits >> format->free_shift & 0x3ff,
		                          .state = bits >> format->state_shift & format->state_mask,
		                          .class = (uint8_t) class,
		                          .is_slab = (bits >> SLAB_SHIFT & 1) != 0 };
	/* One that is being returned to the system is called active meanwhile (ecache_evict); it has no class. */
	if (ret_extent->state == JEMALLOC_ACTIVE && class >= JEMALLOC_CLASSES)
		ret_extent->state = JEMALLOC_DIRTY;
	return bytes != 0 && start + bytes > start && ret_extent->state < JEMALLOC_STATES;
}

/* Whether a leaf's entries name extents that contain their pages, and repeat their classes; *count of them. */
static bool leaf_is_sane(struct finder *finder, uint64_t leaf, uint64_t top, unsigned *count)
{
	const uint8_t *entries = leaf_at(finder, leaf);
	if (entries == NULL)
		return false;
	for (uint64_t i = 0; i < leaf_entries(finder); i += SAMPLE_STEP) {
		const uint8_t *entry = entries + finder->format->entry_bytes * i;
		const uint64_t descriptor = descriptor_of(finder, entry);
		struct jemalloc_extent extent;
		if (descriptor == 0)
			continue;
		const uint64_t page = (top << finder->format->leaf_shift) + (i << PAGE_SHIFT);
		if (!read_extent(finder, descriptor, &extent) || page < extent.start || page >= extent.end)
			return false;
		if (extent.state != JEMALLOC_ACTIVE)
			continue;
		/* The last page of a large one is not told of a change. */
		if ((extent.is_slab || page == extent.start) && extent.class != class_of(finder, entry))
			return false;
		++*count;
	}
	return true;
}

static bool root_is_sane(struct finder *finder, uint64_t root)
{
	unsigned count = 0;
	for (size_t i = 0; i < finder->tops.count; i++) {
		const uint64_t leaf = leaf_of(finder, root, finder->tops.items[i]);
		if (leaf != 0 && !leaf_is_sane(finder, leaf, finder->tops.items[i], &count))
			return false;
	}
	return count >= LEAST_CONFIRMED;
}

/* The root lies in .bss, nearly all of it 0: the first word that is not names a leaf, or a node of the level between.
 */
static uint64_t find_root(struct finder *finder, uint64_t start, uint64_t end)
{
	const unsigned bits = finder->format->node_bits;
	const uint64_t below = bits != 0 ? UINT64_C(8) << bits : leaf_entries(finder) * finder->format->entry_bytes;
	for (uint64_t at = round_up(start, 8); at + 8 <= end; at += 8) {
		uint64_t node, tried = 0;
		if (!reader_u64(&finder->reader, at, &node) || node == 0 || node % 64 != 0 ||
		    reader_at(&finder->reader, node, below) == NULL)
			continue;
		for (size_t i = 0; i < finder->tops.count; i++) {
			const uint64_t root = at - 8 * (finder->tops.items[i] >> bits);
			if (root == tried || root < start - 8 || root >= at + 8)
				continue;
			tried = root;
			if (root_is_sane(finder, root))
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
		const uint8_t *entries = leaf_at(finder, leaf_of(finder, root, finder->tops.items[i]));
		for (uint64_t j = 0; entries != NULL && j < leaf_entries(finder); j++) {
			const uint64_t descriptor = descriptor_of(finder, entries + finder->format->entry_bytes * j);
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

/* One whose tree has three levels needs little room for its root, as most libraries have: only by its name. */
static int find_formats(struct finder *finder, struct jemalloc *jemalloc, const struct mapped_file *file, bool is_named,
                        struct progress *progress, struct error *error)
{
	const unsigned count = is_named ? FORMATS : FORMATS_48;
	for (unsigned i = 0; i < count && jemalloc->file == NULL; i++) {
		finder->format = &formats[i];
		if (!find_tops(finder))
			break;
		TRY(find_in_file(finder, jemalloc, file, progress, error));
	}
	return OK;
}

int jemalloc_find(struct jemalloc *jemalloc, const struct address_space *space, struct progress *progress,
                  struct error *error)
{
	struct finder finder = { .space = space };
	int status = OK;
	memset(jemalloc, 0, sizeof *jemalloc);
	reader_init(&finder.reader, space);
	jemalloc_classes(finder.class_bytes);
	for (size_t i = 0; status == OK && jemalloc->file == NULL && i < 2 * space->files.count; i++) {
		const bool is_named = i < space->files.count; /* those first */
		const struct mapped_file *file = &space->files.items[i % space->files.count];
		if (is_named ? !is_jemalloc(file) : !may_have_root(space, file))
			continue;
		status = find_formats(&finder, jemalloc, file, is_named, progress, error);
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
