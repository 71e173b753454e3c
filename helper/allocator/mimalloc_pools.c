/* SPDX-License-Identifier: MIT */
#include "allocator/mimalloc_pools.h"

#include <string.h>

#include "base/bits.h"
#include "base/bytes.h"
#include "base/limits.h"
#include "base/path.h"

enum {
	SLICE_SHIFT = 16, /* MI_ARENA_SLICE_SHIFT, MI_SEGMENT_SLICE_SHIFT */
	SLICE_BYTES = 1 << SLICE_SHIFT,
	SUBMAP_ENTRIES = 1 << 13, /* MI_PAGE_MAP_SUB_COUNT */
	SUBMAP_BYTES = 8 * SUBMAP_ENTRIES,
	SUBMAP_SHIFT = SLICE_SHIFT + 13,
	/* The map has a word for each 512 MiB of what addresses the processor has: 39 to 57 bits. */
	LEAST_MAP_BYTES = 1 << 12,
	MOST_MAP_BYTES = 1 << 30,
	MEMORY_OS_FIRST = 4, /* mi_memkind_t */
	MEMORY_OS_LAST = 6,
	MEMORY_ARENA = 7,
	MEMORY_KIND = 16, /* in mi_memid_t */
	MEMORY_BYTES = 24,
	SMALL_BYTES = 1024, /* up to there version 2.0 leaves out what follows, in front of a page's blocks */
	LEFT_OUT = 128,
	FREE_FLAGS = 3, /* in the low bits of the third list */
	LARGEST_SHIFT = 31, /* MI_HUGE_BLOCK_SIZE of 2.0: as large as its slices */
	CONFIRMED_PAGES = 64, /* that are looked at before a layout is believed */
	MOST_MAPS = 64, /* words of one file that may be the address of a map; nearly always one */
	BSS_BEHIND = 16 << 20, /* .bss of a library has no row of its own */
};

static uint64_t number(const uint8_t *bytes, uint32_t size)
{
	return size == 8 ? load_u64(bytes) : size == 4 ? load_u32(bytes) : load_u16(bytes);
}

/* What both versions say of a page, from its description; false: it is none. `slices_start`, of its first slice. */
static bool read_page(const struct mimalloc_row *row, const uint8_t *page, uint64_t address, uint64_t slices_start,
                      struct mimalloc_pool_page *ret_page)
{
	const uint32_t reserved = load_u16(page + row->capacity + 2);
	struct mimalloc_pool_page made = { .block_bytes = number(page + row->block_size, row->block_size_bytes),
		                           .capacity = load_u16(page + row->capacity),
		                           .used = (uint32_t)number(page + row->used, row->used_bytes),
		                           .free = { load_u64(page + row->free), load_u64(page + row->local_free),
		                                     load_u64(page + row->thread_free) & ~(uint64_t)FREE_FLAGS } };
	if (row->start_kind == MIMALLOC_START_POINTER)
		made.start = load_u64(page + row->start);
	else if (row->start_kind == MIMALLOC_START_WORDS)
		made.start = address + 8 * (uint64_t)load_u32(page + row->start);
	else
		made.start = slices_start + (made.block_bytes >= 8 && made.block_bytes <= SMALL_BYTES ? LEFT_OUT : 0);
	*ret_page = made;
	return made.block_bytes >= 8 && made.block_bytes % 8 == 0 && made.block_bytes < UINT64_C(1) << 47 &&
	       made.capacity <= reserved && made.used <= made.capacity && made.start % 8 == 0;
}

static bool holds_blocks(const struct mimalloc_pool_page *page)
{
	return page->start >= page->area_start && page->start < page->area_end &&
	       page->capacity <= (page->area_end - page->start) / page->block_bytes;
}

/* ---- Version 3: a map of pages ---- */

/* What was mapped for a page, by mi_memid_t. */
static bool find_area(const struct mimalloc_pools *pools, struct reader *reader, const uint8_t *id,
                      struct mimalloc_pool_page *page)
{
	const uint32_t kind = load_u32(id + MEMORY_KIND);
	const uint64_t base = load_u64(id), more = load_u64(id + 8);
	uint64_t slices;
	page->area_start = base;
	if (kind >= MEMORY_OS_FIRST && kind <= MEMORY_OS_LAST) {
		page->area_end = base + more;
		return page->area_end > base;
	}
	if (kind != MEMORY_ARENA || base % SLICE_BYTES != 0 ||
	    !reader_u64(reader, base + pools->row->arena_slices, &slices) || slices > UINT32_MAX)
		return false;
	page->area_end = base + (slices << SLICE_SHIFT);
	return (uint32_t)more < slices && base + ((uint64_t)(uint32_t)more << SLICE_SHIFT) <= page->start;
}

static bool page_of_map(const struct mimalloc_pools *pools, struct reader *reader, uint64_t address,
                        struct mimalloc_pool_page *ret_page)
{
	const uint8_t *page = address % 8 == 0 ? reader_at(reader, address, pools->row->page_bytes) : NULL;
	uint8_t id[MEMORY_BYTES];
	if (page == NULL || !read_page(pools->row, page, address, 0, ret_page))
		return false;
	memcpy(id, page + pools->row->memory_id, sizeof id);
	return find_area(pools, reader, id, ret_page) && holds_blocks(ret_page);
}

/* The map's part for the 512 MiB around address; NULL: there are no pages. */
static const uint8_t *submap_at(const struct mimalloc_pools *pools, struct reader *reader, uint64_t address)
{
	uint64_t submap;
	if (!reader_u64(reader, pools->page_map + 8 * (address >> SUBMAP_SHIFT), &submap) || submap == 0)
		return NULL;
	return reader_at(reader, submap, SUBMAP_BYTES);
}

/* The next 512 MiB, from *next on, where there is writable memory; false: none. */
static bool next_part(const struct address_space *space, size_t *range, uint64_t *next)
{
	for (; *range < space->segment_count; ++*range) {
		const struct segment *segment = &space->segments[*range];
		if (!segment->writable_private || segment->data == NULL || segment->end <= *next)
			continue;
		if (segment->start > *next)
			*next = segment->start >> SUBMAP_SHIFT << SUBMAP_SHIFT;
		return true;
	}
	return false;
}

static bool next_of_map(struct mimalloc_pools_cursor *cursor)
{
	const struct mimalloc_pools *pools = cursor->pools;
	while (next_part(pools->space, &cursor->range, &cursor->next)) {
		const uint8_t *submap = submap_at(pools, cursor->reader, cursor->next);
		uint64_t entry = cursor->next >> SLICE_SHIFT & (SUBMAP_ENTRIES - 1);
		if (cursor->looks++ > LIMIT_MIMALLOC_SLICES)
			return false;
		for (; submap != NULL && entry < SUBMAP_ENTRIES; entry++) {
			const uint64_t page = load_u64(submap + 8 * entry);
			if (page == 0 || page == cursor->last)
				continue;
			const uint64_t slice = (cursor->next >> SUBMAP_SHIFT << SUBMAP_SHIFT) + (entry << SLICE_SHIFT);
			cursor->last = page;
			cursor->next = slice + SLICE_BYTES;
			cursor->is_broken = !page_of_map(pools, cursor->reader, page, &cursor->page) ||
			                    cursor->page.start >> SLICE_SHIFT != slice >> SLICE_SHIFT;
			return true;
		}
		cursor->next = ((cursor->next >> SUBMAP_SHIFT) + 1) << SUBMAP_SHIFT;
	}
	return false;
}

/* ---- Version 2: segments ---- */

struct segment_head {
	uint64_t address, slices;
	uint32_t info, entries;
};

static bool read_segment(const struct mimalloc_pools *pools, struct reader *reader, uint64_t address,
                         struct segment_head *ret_head)
{
	const struct mimalloc_row *row = pools->row;
	const uint8_t *head = reader_at(reader, address, (uint64_t)row->slices + row->page_bytes);
	if (head == NULL)
		return false;
	const uint64_t slices = load_u64(head + row->segment_slices), info = load_u64(head + row->info_slices);
	const uint64_t entries = load_u64(head + row->slice_entries), most = row->segment_bytes >> SLICE_SHIFT;
	*ret_head = (struct segment_head){ address, slices, (uint32_t)info, (uint32_t)entries };
	/* The first entry is the segment's own description. */
	return slices <= UINT32_MAX && info > 0 && info < entries && entries == (slices < most ? slices : most) &&
	       load_u32(head + row->slices) == info &&
	       (pools->cookie == 0 || (load_u64(head + row->cookie) ^ address) == pools->cookie);
}

/* The entry of a slice. *ret_count: slices that its page, or a free piece, takes; false: it is no page. */
static bool page_of_segment(const struct mimalloc_pools *pools, struct reader *reader, const struct segment_head *head,
                            uint32_t slice, uint32_t *ret_count, struct mimalloc_pool_page *ret_page)
{
	const struct mimalloc_row *row = pools->row;
	const uint64_t address = head->address + row->slices + (uint64_t)slice * row->page_bytes;
	const uint64_t start = head->address + ((uint64_t)slice << SLICE_SHIFT);
	const uint8_t *page = reader_at(reader, address, row->page_bytes);
	*ret_count = page != NULL ? load_u32(page) : 0;
	if (*ret_count == 0 || number(page + row->block_size, row->block_size_bytes) <= 1 ||
	    !read_page(row, page, address, start, ret_page))
		return false;
	if (ret_page->block_bytes >> LARGEST_SHIFT == 1 && row->start_kind == MIMALLOC_START_BY_SLICE)
		ret_page->block_bytes = (uint64_t)*ret_count << SLICE_SHIFT;
	ret_page->area_start = head->address;
	ret_page->area_end = head->address + (head->slices << SLICE_SHIFT);
	return ret_page->start >= start && holds_blocks(ret_page);
}

/* Whether what its slices are taken by follows one another up to the end. *ret_pages of it are pages. */
static bool segment_closes(const struct mimalloc_pools *pools, struct reader *reader, const struct segment_head *head,
                           uint32_t *ret_pages)
{
	struct mimalloc_pool_page page;
	uint32_t count, slice = head->info;
	*ret_pages = 0;
	for (; slice < head->entries; slice += count) {
		*ret_pages += page_of_segment(pools, reader, head, slice, &count, &page);
		if (count == 0 || count > UINT32_MAX - slice)
			return false;
	}
	return slice == head->entries || slice == head->slices;
}

static bool next_segment(struct mimalloc_pools_cursor *cursor)
{
	const struct address_space *space = cursor->pools->space;
	const uint64_t step = cursor->pools->row->segment_bytes;
	struct segment_head head;
	for (; cursor->range < space->segment_count; cursor->range++) {
		const struct segment *range = &space->segments[cursor->range];
		if (!range->writable_private || range->data == NULL)
			continue;
		if (cursor->next < range->start)
			cursor->next = round_up(range->start, step);
		while (cursor->next >= range->start && cursor->next < range->end) {
			const uint64_t address = cursor->next;
			if (cursor->looks++ > LIMIT_MIMALLOC_SEGMENTS)
				return false;
			cursor->next += step;
			if (!read_segment(cursor->pools, cursor->reader, address, &head))
				continue;
			cursor->segment = address;
			cursor->slice = head.info;
			return true;
		}
	}
	return false;
}

static bool next_of_segments(struct mimalloc_pools_cursor *cursor)
{
	for (;;) {
		struct segment_head head;
		uint32_t count;
		if (cursor->segment == 0 && !next_segment(cursor))
			return false;
		if (!read_segment(cursor->pools, cursor->reader, cursor->segment, &head) ||
		    cursor->slice >= head.entries) {
			cursor->segment = 0;
			continue;
		}
		const bool is_page =
		        page_of_segment(cursor->pools, cursor->reader, &head, cursor->slice, &count, &cursor->page);
		cursor->slice += count == 0 ? 1 : count < head.entries ? count : head.entries;
		cursor->is_broken = false;
		if (is_page)
			return true;
	}
}

/* ---- Blocks ---- */

void mimalloc_pools_cursor_init(struct mimalloc_pools_cursor *cursor, const struct mimalloc_pools *pools,
                                struct reader *reader)
{
	memset(cursor, 0, sizeof *cursor);
	cursor->pools = pools;
	cursor->reader = reader;
}

/* Marks the blocks of one list; how many, or UINT32_MAX: it does not close. Each can be in it once. */
static uint32_t mark_free(struct mimalloc_pools_cursor *cursor, uint64_t at)
{
	const struct mimalloc_pool_page *page = &cursor->page;
	uint32_t count = 0;
	for (; at != 0; count++) {
		const uint64_t block = (at - page->start) / page->block_bytes;
		if (at < page->start || block >= page->capacity || (at - page->start) % page->block_bytes != 0 ||
		    bits_has(cursor->is_free, block))
			return UINT32_MAX;
		bits_add(cursor->is_free, block);
		if (!reader_u64(cursor->reader, at, &at))
			return UINT32_MAX;
	}
	return count;
}

/* Blocks in the first two lists and those given out are all that there are; those that another thread freed, the third
 * list, still count as given out. */
static void enter_page(struct mimalloc_pools_cursor *cursor)
{
	const struct mimalloc_pool_page *page = &cursor->page;
	uint32_t count[MIMALLOC_FREE_LISTS];
	memset(cursor->is_free, 0, page->capacity / 8 + 1);
	for (int i = 0; i < MIMALLOC_FREE_LISTS; i++) {
		count[i] = mark_free(cursor, page->free[i]);
		cursor->is_broken |= count[i] == UINT32_MAX;
	}
	cursor->is_broken =
	        cursor->is_broken || page->used + count[0] + count[1] != page->capacity || count[2] > page->used;
	cursor->used = cursor->is_broken ? 0 : page->used - count[2];
}

bool mimalloc_pools_cursor_next(struct mimalloc_pools_cursor *cursor)
{
	if (cursor->pools->file == NULL ||
	    !(cursor->pools->row->segment_bytes == 0 ? next_of_map(cursor) : next_of_segments(cursor)))
		return false;
	if (cursor->is_broken)
		cursor->page.capacity = cursor->used = 0;
	else
		enter_page(cursor);
	return true;
}

bool mimalloc_pools_page_at(const struct mimalloc_pools *pools, struct reader *reader, uint64_t address,
                            struct mimalloc_pool_page *ret_page)
{
	bool is_page = false;
	if (pools->file == NULL)
		return false;
	if (pools->row->segment_bytes == 0) {
		const uint8_t *submap = submap_at(pools, reader, address);
		const uint64_t entry = address >> SLICE_SHIFT & (SUBMAP_ENTRIES - 1);
		is_page = submap != NULL && page_of_map(pools, reader, load_u64(submap + 8 * entry), ret_page);
	} else {
		const uint32_t bytes = pools->row->page_bytes;
		struct segment_head head;
		uint32_t back, count;
		if (!read_segment(pools, reader, address & ~(uint64_t)(pools->row->segment_bytes - 1), &head))
			return false;
		uint32_t slice = (uint32_t)((address - head.address) >> SLICE_SHIFT);
		/* The entry of a later slice says how many bytes before it that of the first one is. */
		if (slice < head.info || slice >= head.entries ||
		    !reader_u32(reader, head.address + pools->row->slices + (uint64_t)slice * bytes + 4, &back) ||
		    back % bytes != 0 || back / bytes > slice - head.info)
			return false;
		slice -= back / bytes;
		is_page = page_of_segment(pools, reader, &head, slice, &count, ret_page);
	}
	return is_page && address >= ret_page->start &&
	       (address - ret_page->start) / ret_page->block_bytes < ret_page->capacity;
}

/* ---- Which one it is ---- */

/* Libraries that were linked with one, by the beginnings of the names of their files. */
static bool may_have_one(const struct mapped_file *file)
{
	static const char *const names[] = { "libarrow.so", "libmimalloc" };
	const char *name = path_base_name(file->path);
	for (size_t i = 0; file->is_elf && i < sizeof names / sizeof *names; i++)
		if (strncmp(name, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

/* Whether all of the first pages make sense. */
static bool pages_fit(struct mimalloc_pools *pools, const struct mimalloc_row *row, struct reader *reader)
{
	struct mimalloc_pools_cursor cursor = { .pools = pools, .reader = reader };
	uint32_t count = 0;
	pools->row = row;
	for (; count < CONFIRMED_PAGES && next_of_map(&cursor); count++)
		if (cursor.is_broken)
			return false;
	return count > 0;
}

static bool find_map(struct mimalloc_pools *pools, const struct mapped_file *file, struct reader *reader)
{
	unsigned maps = 0;
	for (size_t i = 0; i < pools->space->segment_count; i++) {
		const struct segment *segment = &pools->space->segments[i];
		if (!segment->writable_private || segment->data == NULL || segment->end <= file->start ||
		    segment->start >= file->end)
			continue;
		const uint64_t start = segment->start < file->start ? file->start : segment->start;
		const uint64_t end = segment->end - start > BSS_BEHIND ? start + BSS_BEHIND : segment->end;
		for (uint64_t at = round_up(start, 8); at + 8 <= end; at += 8) {
			uint64_t first;
			if (!reader_u64(reader, at, &pools->page_map) || pools->page_map == 0 ||
			    pools->page_map % LEAST_MAP_BYTES != 0 || !reader_u64(reader, pools->page_map, &first) ||
			    first - pools->page_map < LEAST_MAP_BYTES || first - pools->page_map > MOST_MAP_BYTES ||
			    (first - pools->page_map) % LEAST_MAP_BYTES != 0)
				continue;
			if (maps++ >= MOST_MAPS)
				return false;
			for (int row = 0; row < MIMALLOC_ROWS; row++)
				if (mimalloc_rows[row].segment_bytes == 0 &&
				    pages_fit(pools, &mimalloc_rows[row], reader))
					return true;
		}
	}
	return false;
}

static bool find_segments(struct mimalloc_pools *pools, struct reader *reader)
{
	for (int row = 0; row < MIMALLOC_ROWS; row++) {
		struct mimalloc_pools_cursor cursor = { .pools = pools, .reader = reader };
		struct segment_head head;
		uint32_t pages;
		uint64_t secret;
		pools->row = &mimalloc_rows[row];
		pools->cookie = 0;
		if (pools->row->segment_bytes == 0)
			continue;
		while (next_segment(&cursor)) {
			if (!read_segment(pools, reader, cursor.segment, &head) ||
			    !segment_closes(pools, reader, &head, &pages) || pages == 0 ||
			    !reader_u64(reader, head.address + pools->row->cookie, &secret))
				continue;
			pools->cookie = secret ^ head.address;
			return true;
		}
	}
	return false;
}

void mimalloc_pools_find(struct mimalloc_pools *pools, const struct address_space *space)
{
	struct reader reader;
	*pools = (struct mimalloc_pools){ .space = space };
	reader_init(&reader, space);
	for (size_t i = 0; i < space->files.count; i++) {
		const struct mapped_file *file = &space->files.items[i];
		if (!may_have_one(file) || !(find_map(pools, file, &reader) || find_segments(pools, &reader)))
			continue;
		pools->file = file;
		return;
	}
}
