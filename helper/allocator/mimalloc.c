/* SPDX-License-Identifier: MIT
 * Segments, pages and blocks as in CPython's copy of mimalloc (Objects/mimalloc/segment.c, page.c; Include/internal/
 * mimalloc/mimalloc/types.h): 2.1.2, and 2.5.2 since 3.14.10 and 3.15.2, which says where a page's blocks begin. */
#include "allocator/mimalloc.h"

#include <string.h>

#include "base/bits.h"
#include "base/bytes.h"
#include "base/limits.h"

enum {
	SEGMENT_BYTES = 1 << 25, /* MI_SEGMENT_SIZE */
	SLICE_BYTES = 1 << 16, /* MI_SEGMENT_SLICE_SIZE */
	SLICES = SEGMENT_BYTES / SLICE_BYTES, /* MI_SLICES_PER_SEGMENT */
	/* Blocks of up to 64 bytes begin behind three that are left out, such of up to 512 behind one
	 * (_mi_segment_page_start_from_slice of 2.1.2). */
	THREE_LEFT_OUT = 64,
	ONE_LEFT_OUT = 512,
	LARGEST_KNOWN_SHIFT = 31, /* MI_HUGE_BLOCK_SIZE: "as large as its slices" */
	THREAD_FREE_FLAGS = 3, /* mi_delayed_t, in the low bits of xthread_free */
	PREHEADER_BYTES = 16,
	GUARD_BYTES = 16, /* size, api letter and guard before a block of a debug build (_PyMem_DebugRawAlloc) */
	PADDING_BYTES = 8, /* MI_PADDING_SIZE */
	MEDIUM_BYTES = 1 << 17, /* MI_MEDIUM_OBJ_SIZE_MAX */
	LARGE_BYTES = SEGMENT_BYTES / 2, /* MI_LARGE_OBJ_SIZE_MAX */
	MEBIBYTE = 1 << 20,
	SMALLEST_OS_STEP = 4096,
	GC_BITS_TRACKED = 1, /* _PyGC_BITS_TRACKED, Include/internal/pycore_gc.h */
};

/* PYMEM_FORBIDDENBYTE seven times, behind the letter. */
static const uint64_t guard = UINT64_C(0xfdfdfdfdfdfdfd);

struct segment_head {
	uint64_t address;
	uint64_t slices; /* address of its array of mi_page_t */
	uint32_t info_slices, slice_entries;
	uint64_t bytes;
};

static uint64_t page_word(const struct layout *layout, enum layout_field field, const uint8_t *page)
{
	return layout_get(layout, field, page);
}

/* Whether a segment begins at a multiple of SEGMENT_BYTES. */
static bool read_segment(const struct layout *layout, struct reader *reader, uint64_t address,
                         struct segment_head *ret_segment)
{
	if (!layout_has(layout, FIELD_mi_segment_t_slices) || !layout_has(layout, FIELD_mi_page_t_block_size))
		return false;
	const uint32_t first = layout_offset(layout, FIELD_mi_segment_t_slices);
	const uint8_t *head = reader_at(reader, address, first + layout->struct_bytes[STRUCT_mi_page_t]);
	if (head == NULL)
		return false;
	const uint64_t all = layout_get(layout, FIELD_mi_segment_t_segment_slices, head);
	const uint64_t info = layout_get(layout, FIELD_mi_segment_t_segment_info_slices, head);
	const uint64_t entries = layout_get(layout, FIELD_mi_segment_t_slice_entries, head);
	/* The first entry is the segment's own description: it takes the first slices. */
	const uint64_t own = page_word(layout, FIELD_mi_page_t_slice_count, head + first);
	if (info == 0 || info >= entries || entries > SLICES || entries != (all < SLICES ? all : SLICES) || own != info)
		return false;
	*ret_segment =
	        (struct segment_head){ address, address + first, (uint32_t)info, (uint32_t)entries, all * SLICE_BYTES };
	return true;
}

static uint64_t blocks_start(const struct layout *layout, const struct segment_head *segment, uint32_t slice,
                             uint64_t block_bytes, const uint8_t *entry)
{
	if (layout_has(layout, FIELD_mi_page_t_page_start))
		return page_word(layout, FIELD_mi_page_t_page_start, entry);
	const uint64_t left_out = block_bytes <= THREE_LEFT_OUT ? 3 : block_bytes <= ONE_LEFT_OUT ? 1 : 0;
	return segment->address + (uint64_t)slice * SLICE_BYTES + left_out * block_bytes;
}

/* The page that begins at a slice. ret_slices is set as far as the entry can be read at all: how many slices are passed
 * with it. */
static bool read_page(const struct layout *layout, struct reader *reader, const struct segment_head *segment,
                      uint32_t slice, uint32_t *ret_slices, struct mimalloc_page *ret_page)
{
	const uint32_t bytes = layout->struct_bytes[STRUCT_mi_page_t];
	const uint64_t address = segment->slices + (uint64_t)slice * bytes;
	const uint8_t *entry = reader_at(reader, address, bytes);
	*ret_slices = 0;
	if (entry == NULL)
		return false;
	const uint64_t count = page_word(layout, FIELD_mi_page_t_slice_count, entry);
	uint64_t block_bytes = page_word(layout, FIELD_mi_page_t_block_size, entry);
	*ret_slices = count > SLICES ? SLICES : (uint32_t)count;
	/* 0: free slices; 1: inside a page. */
	if (count == 0 || block_bytes <= 1)
		return false;
	if (block_bytes >> LARGEST_KNOWN_SHIFT == 1 && !layout_has(layout, FIELD_mi_page_t_page_start))
		block_bytes = count * SLICE_BYTES;
	const uint64_t heap = page_word(layout, FIELD_mi_page_t_tag, entry);
	const uint64_t capacity = page_word(layout, FIELD_mi_page_t_capacity, entry);
	const uint64_t start = blocks_start(layout, segment, slice, block_bytes, entry);
	if (block_bytes % 8 != 0 || heap > MIMALLOC_HEAP_GC_PRE || start % 8 != 0 ||
	    start - segment->address >= SEGMENT_BYTES || capacity >= MIMALLOC_MOST_BLOCKS ||
	    (capacity > 1 && capacity * block_bytes > SEGMENT_BYTES))
		return false;
	*ret_page = (struct mimalloc_page){ address,     start,
		                            block_bytes, (uint32_t)capacity,
		                            *ret_slices, (enum mimalloc_heap)heap };
	return true;
}

bool mimalloc_page_at(const struct layout *layout, struct reader *reader, uint64_t address,
                      struct mimalloc_page *ret_page)
{
	struct segment_head segment;
	uint32_t slices;
	if (!read_segment(layout, reader, address & ~(uint64_t)(SEGMENT_BYTES - 1), &segment))
		return false;
	uint32_t slice = (uint32_t)((address - segment.address) / SLICE_BYTES);
	const uint32_t bytes = layout->struct_bytes[STRUCT_mi_page_t];
	const uint8_t *entry = reader_at(reader, segment.slices + (uint64_t)slice * bytes, bytes);
	if (slice < segment.info_slices || slice >= segment.slice_entries || entry == NULL)
		return false;
	/* The entry of a later slice says how many bytes before it that of the first one is. */
	const uint64_t back = page_word(layout, FIELD_mi_page_t_slice_offset, entry);
	if (back % bytes != 0 || back / bytes > slice - segment.info_slices)
		return false;
	slice -= (uint32_t)(back / bytes);
	return read_page(layout, reader, &segment, slice, &slices, ret_page) && address >= ret_page->start &&
	       address - ret_page->start < ret_page->capacity * ret_page->block_bytes;
}

void mimalloc_cursor_init(struct mimalloc_cursor *cursor, const struct layout *layout, struct reader *reader)
{
	memset(cursor, 0, sizeof *cursor);
	cursor->layout = layout;
	cursor->reader = reader;
}

/* In debug builds a link is xor-ed and rotated by two keys of its page, and the end of a list is the page's address
 * (mi_ptr_decode). */
static uint64_t decode_link(const struct layout *layout, struct reader *reader, const struct mimalloc_page *page,
                            uint64_t link)
{
	uint64_t keys[2];
	if (!layout_has(layout, FIELD_mi_page_t_keys))
		return link;
	if (!reader_copy(reader, page->address + layout_offset(layout, FIELD_mi_page_t_keys), keys, sizeof keys))
		return 0;
	const unsigned shift = keys[0] % 64;
	link -= keys[0];
	link = shift == 0 ? link : link >> shift | link << (64 - shift);
	link ^= keys[1];
	return link == page->address ? 0 : link;
}

/* The block that a list of free ones has at `at`, *ret_number, and where the next one is, *ret_next. */
static bool follow_free(const struct layout *layout, struct reader *reader, const struct mimalloc_page *page,
                        uint64_t at, uint32_t *ret_number, uint64_t *ret_next)
{
	const uint64_t number = (at - page->start) / page->block_bytes;
	if (at < page->start || number >= page->capacity || (at - page->start) % page->block_bytes != 0)
		return false;
	*ret_number = (uint32_t)number;
	*ret_next = reader_u64(reader, at, ret_next) ? decode_link(layout, reader, page, *ret_next) : 0;
	return true;
}

enum { FREE_LISTS = 3 };

/* Where the lists of a page's free blocks begin; false: its description cannot be read. */
static bool free_lists(const struct layout *layout, struct reader *reader, const struct mimalloc_page *page,
                       uint64_t ret_first[FREE_LISTS])
{
	const uint8_t *entry = reader_at(reader, page->address, layout->struct_bytes[STRUCT_mi_page_t]);
	if (entry == NULL)
		return false;
	ret_first[0] = page_word(layout, FIELD_mi_page_t_free, entry);
	ret_first[1] = page_word(layout, FIELD_mi_page_t_local_free, entry);
	ret_first[2] = page_word(layout, FIELD_mi_page_t_xthread_free, entry) & ~(uint64_t)THREAD_FREE_FLAGS;
	return true;
}

bool mimalloc_is_free(const struct layout *layout, struct reader *reader, const struct mimalloc_page *page,
                      uint32_t number)
{
	uint64_t first[FREE_LISTS];
	if (!free_lists(layout, reader, page, first))
		return false;
	for (int i = 0; i < FREE_LISTS; i++) {
		uint64_t at = first[i];
		uint32_t found;
		for (uint32_t passed = 0; at != 0 && passed < page->capacity; passed++) {
			if (!follow_free(layout, reader, page, at, &found, &at))
				break;
			if (found == number)
				return true;
		}
	}
	return false;
}

/* Marks the blocks of one list. Each can be in it once, so that the list ends. */
static void mark_free(struct mimalloc_cursor *cursor, uint64_t at)
{
	uint32_t number;
	while (at != 0) {
		if (!follow_free(cursor->layout, cursor->reader, &cursor->page, at, &number, &at) ||
		    bits_has(cursor->is_free, number)) {
			cursor->is_broken = true;
			return;
		}
		bits_add(cursor->is_free, number);
	}
}

static void enter_page(struct mimalloc_cursor *cursor)
{
	uint64_t first[FREE_LISTS];
	cursor->block = 0;
	memset(cursor->is_free, 0,
	       cursor->page.capacity / 8 + 1 < sizeof cursor->is_free ? cursor->page.capacity / 8 + 1
	                                                              : sizeof cursor->is_free);
	if (!free_lists(cursor->layout, cursor->reader, &cursor->page, first))
		return;
	for (int i = 0; i < FREE_LISTS; i++)
		mark_free(cursor, first[i]);
}

uint64_t mimalloc_padding(const struct layout *layout)
{
	/* Keys and mi_padding_t come together, with MI_DEBUG. */
	return layout_has(layout, FIELD_mi_page_t_keys) ? PADDING_BYTES : 0;
}

/* Sizes of the queues of a heap: up to 8 words in steps of two, as blocks are aligned to 16 bytes (MI_ALIGN2W), then
 * four steps for each power of two (mi_bin of page-queue.c). */
uint64_t mimalloc_block_bytes(uint64_t requested, uint64_t *ret_slack)
{
	const uint64_t words = requested / 8 + (requested % 8 != 0);
	*ret_slack = 0;
	if (words <= 1)
		return 8;
	if (words <= 8)
		return 8 * round_up(words, 2);
	if (requested <= MEDIUM_BYTES) {
		const unsigned power = 63 - (unsigned)__builtin_clzll(words - 1);
		const uint64_t step = UINT64_C(1) << (power - 2);
		return 8 * ((words - 1) / step + 1) * step;
	}
	if (requested > INT64_MAX)
		return requested;
	/* _mi_os_good_alloc_size(), and the rest of the slices where the whole segment is the page's. */
	uint64_t align = 4 * MEBIBYTE;
	if (requested < MEBIBYTE / 2)
		align = SMALLEST_OS_STEP;
	else if (requested < 2 * MEBIBYTE)
		align = SLICE_BYTES;
	else if (requested < 8 * MEBIBYTE)
		align = MEBIBYTE / 4;
	else if (requested < 32 * MEBIBYTE)
		align = MEBIBYTE;
	*ret_slack = requested > LARGE_BYTES ? 2 * SLICE_BYTES : 0;
	return round_up(requested, align);
}

static bool next_segment(struct mimalloc_cursor *cursor)
{
	const struct address_space *space = cursor->reader->space;
	struct segment_head segment;
	while (cursor->range < space->segment_count) {
		const struct segment *range = &space->segments[cursor->range];
		if (cursor->candidate == 0)
			cursor->candidate = round_up(range->start, SEGMENT_BYTES);
		if (!range->writable_private || range->data == NULL || cursor->candidate >= range->end ||
		    cursor->candidate < range->start) {
			cursor->range++;
			cursor->candidate = 0;
			continue;
		}
		if (cursor->candidates++ >= LIMIT_MIMALLOC_SEGMENTS)
			break;
		const uint64_t address = cursor->candidate;
		cursor->candidate += SEGMENT_BYTES;
		if (!read_segment(cursor->layout, cursor->reader, address, &segment))
			continue;
		cursor->segment = address;
		cursor->slice = segment.info_slices;
		cursor->slice_entries = segment.slice_entries;
		cursor->segment_bytes = segment.bytes;
		return true;
	}
	return false;
}

/* The next page, its free blocks not marked yet. */
static bool find_page(struct mimalloc_cursor *cursor)
{
	struct segment_head segment;
	for (;;) {
		if (cursor->segment == 0 && !next_segment(cursor))
			return false;
		if (cursor->slice >= cursor->slice_entries ||
		    !read_segment(cursor->layout, cursor->reader, cursor->segment, &segment)) {
			cursor->segment = 0;
			continue;
		}
		uint32_t slices;
		const bool is_page =
		        read_page(cursor->layout, cursor->reader, &segment, cursor->slice, &slices, &cursor->page);
		cursor->slice += slices == 0 ? 1 : slices;
		if (is_page)
			return true;
	}
}

bool mimalloc_cursor_next_page(struct mimalloc_cursor *cursor)
{
	if (!find_page(cursor))
		return false;
	enter_page(cursor);
	return true;
}

/* The next page of objects that the collector looks at. */
static bool next_page_of_objects(struct mimalloc_cursor *cursor)
{
	while (find_page(cursor)) {
		if (cursor->page.heap >= MIMALLOC_HEAP_GC &&
		    cursor->page.block_bytes >= cursor->layout->struct_bytes[STRUCT_PyObject]) {
			enter_page(cursor);
			return true;
		}
	}
	return false;
}

uint64_t mimalloc_cursor_next(struct mimalloc_cursor *cursor, uint8_t *ret_gc_bits)
{
	const struct layout *layout = cursor->layout;
	const uint32_t head_bytes = layout->struct_bytes[STRUCT_PyObject];
	for (;;) {
		const struct mimalloc_page *page = &cursor->page;
		if (cursor->block >= page->capacity) {
			if (!next_page_of_objects(cursor)) {
				cursor->page.capacity = 0;
				return 0;
			}
			continue;
		}
		const uint32_t number = cursor->block++;
		if (bits_has(cursor->is_free, number))
			continue;
		const uint64_t address = page->start + number * page->block_bytes;
		const uint8_t *block = reader_at(cursor->reader, address, page->block_bytes);
		uint64_t before = page->heap == MIMALLOC_HEAP_GC_PRE ? PREHEADER_BYTES : 0;
		if (block == NULL)
			continue;
		before += load_u64(block + 8) >> 8 == guard ? GUARD_BYTES : 0;
		if (before + head_bytes > page->block_bytes)
			continue;
		const uint8_t bits = (uint8_t)layout_get(layout, FIELD_PyObject_ob_gc_bits, block + before);
		if (bits & GC_BITS_TRACKED) {
			*ret_gc_bits = bits;
			return address + before;
		}
	}
}
