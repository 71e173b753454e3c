/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "allocator/mimalloc.h"

/* One segment, described as 3.13's copy of mimalloc does. */
enum {
	SEGMENT = 1 << 25,
	SLICE = 1 << 16,
	SLICES_AT = 264,
	PAGE_BYTES = 112,
	INFO = 2, /* slices that the description takes */
	BLOCK = 64,
	CAPACITY = 20,
	HEAD = 32,
	GC_BITS = 11,
};

static const uint64_t base = UINT64_C(0x20000000000);

static struct {
	uint8_t *bytes;
	struct address_space *space;
	struct layout layout;
	struct reader reader;
	struct mimalloc_cursor cursor;
} target;

static void set_field(enum layout_field field, uint32_t offset, uint16_t size, uint8_t bit, uint8_t width)
{
	target.layout.fields[field] =
	        (struct layout_place){ .offset = offset, .size = size, .bit_offset = bit, .bit_width = width };
}

static void put(uint64_t offset, uint64_t value, size_t size)
{
	memcpy(target.bytes + offset, &value, size);
}

static uint64_t entry_of(unsigned slice)
{
	return SLICES_AT + (uint64_t)slice * PAGE_BYTES;
}

static void put_page(unsigned slice, unsigned slices, uint32_t block, uint16_t capacity, enum mimalloc_heap heap)
{
	put(entry_of(slice), slices, 4);
	put(entry_of(slice) + 8, (uint64_t)heap << 3, 1);
	put(entry_of(slice) + 10, capacity, 2);
	put(entry_of(slice) + 28, block, 4);
	for (unsigned i = 1; i < slices; i++)
		put(entry_of(slice + i) + 4, (uint64_t)i * PAGE_BYTES, 4);
}

/* Where the blocks of a page of 64-byte blocks begin: behind three that are left out. */
static uint64_t block_at(unsigned slice, unsigned number)
{
	return (uint64_t)slice * SLICE + (3 + (uint64_t)number) * BLOCK;
}

static int open_target(void **state)
{
	(void)state;
	memset(&target.layout, 0, sizeof target.layout);
	target.bytes = calloc(1, SEGMENT);
	assert_non_null(target.bytes);
	assert_int_equal(address_space_open_buffer(&target.space, base, target.bytes, SEGMENT, NULL), OK);
	reader_init(&target.reader, target.space);
	target.layout.struct_bytes[STRUCT_PyObject] = HEAD;
	target.layout.struct_bytes[STRUCT_mi_page_t] = PAGE_BYTES;
	set_field(FIELD_PyObject_ob_gc_bits, GC_BITS, 1, 0, 0);
	set_field(FIELD_mi_segment_t_segment_slices, 224, 8, 0, 0);
	set_field(FIELD_mi_segment_t_segment_info_slices, 232, 8, 0, 0);
	set_field(FIELD_mi_segment_t_slice_entries, 248, 8, 0, 0);
	set_field(FIELD_mi_segment_t_slices, SLICES_AT, 65535, 0, 0);
	set_field(FIELD_mi_page_t_slice_count, 0, 4, 0, 0);
	set_field(FIELD_mi_page_t_slice_offset, 4, 4, 0, 0);
	set_field(FIELD_mi_page_t_tag, 8, 1, 3, 4);
	set_field(FIELD_mi_page_t_capacity, 10, 2, 0, 0);
	set_field(FIELD_mi_page_t_free, 16, 8, 0, 0);
	set_field(FIELD_mi_page_t_block_size, 28, 4, 0, 0);
	set_field(FIELD_mi_page_t_local_free, 32, 8, 0, 0);
	set_field(FIELD_mi_page_t_xthread_free, 40, 8, 0, 0);
	put(224, 512, 8);
	put(232, INFO, 8);
	put(248, 512, 8);
	put(entry_of(0), INFO, 4);
	return 0;
}

static int close_target(void **state)
{
	(void)state;
	address_space_close(target.space);
	free(target.bytes);
	return 0;
}

/* Numbers of the blocks that hold tracked objects, one bit each. */
static uint64_t tracked(uint64_t before)
{
	uint64_t found = 0, object;
	uint8_t bits;
	mimalloc_cursor_init(&target.cursor, &target.layout, &target.reader);
	for (int i = 0; (object = mimalloc_cursor_next(&target.cursor, &bits)) != 0; i++) {
		assert_in_range(i, 0, 64);
		const uint64_t block = object - base - before - block_at(4, 0);
		assert_int_equal(block % BLOCK, 0);
		assert_int_equal(bits & 1, 1);
		found |= UINT64_C(1) << block / BLOCK;
	}
	return found;
}

static void track(uint64_t before)
{
	for (unsigned i = 0; i < CAPACITY; i++)
		put(block_at(4, i) + before + GC_BITS, 1, 1);
}

enum { ALL = (1 << CAPACITY) - 1 };

static void pages_by_address(void **state)
{
	(void)state;
	struct mimalloc_page page;
	put_page(4, 2, BLOCK, 2000, MIMALLOC_HEAP_OBJECT);
	const uint64_t first = base + block_at(4, 0);
	const uint64_t inside[] = { first, first + 1, first + 1999 * BLOCK, first + 2000 * BLOCK - 1 };
	for (size_t i = 0; i < sizeof inside / sizeof *inside; i++) {
		assert_true(mimalloc_page_at(&target.layout, &target.reader, inside[i], &page));
		assert_int_equal(page.start, first);
		assert_int_equal(page.block_bytes, BLOCK);
		assert_int_equal(page.capacity, 2000);
		assert_int_equal(page.slices, 2);
		assert_int_equal(page.heap, MIMALLOC_HEAP_OBJECT);
	}
	const uint64_t outside[] = { first - 1, first + 2000 * BLOCK, base,      base + SLICE, base + 6 * SLICE + 4096,
		                     0,         base + SEGMENT,       UINT64_MAX };
	for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
		assert_false(mimalloc_page_at(&target.layout, &target.reader, outside[i], &page));
}

static void tracked_objects_and_free_blocks(void **state)
{
	(void)state;
	put_page(4, 1, BLOCK, CAPACITY, MIMALLOC_HEAP_GC);
	track(0);
	assert_int_equal(tracked(0), ALL);
	put(block_at(4, 5) + GC_BITS, 6, 1); /* not tracked */
	assert_int_equal(tracked(0), ALL & ~(1 << 5));
	/* a list of two, of one, and one from another thread with flags in its address */
	put(entry_of(4) + 16, base + block_at(4, 0), 8);
	put(block_at(4, 0), base + block_at(4, 7), 8);
	put(entry_of(4) + 32, base + block_at(4, 9), 8);
	put(entry_of(4) + 40, (base + block_at(4, 11)) | 2, 8);
	assert_int_equal(tracked(0), ALL & ~(1 << 0 | 1 << 5 | 1 << 7 | 1 << 9 | 1 << 11));
	assert_false(target.cursor.is_broken);
	struct mimalloc_page page;
	assert_true(mimalloc_page_at(&target.layout, &target.reader, base + block_at(4, 0), &page));
	for (uint32_t i = 0; i < CAPACITY; i++)
		assert_int_equal(mimalloc_is_free(&target.layout, &target.reader, &page, i),
		                 i == 0 || i == 7 || i == 9 || i == 11);
}

static void what_stands_before_objects(void **state)
{
	(void)state;
	put_page(4, 1, 2 * BLOCK / 2, CAPACITY, MIMALLOC_HEAP_GC_PRE);
	track(16);
	assert_int_equal(tracked(16), ALL);
	/* guards of a debug build: size, letter, seven bytes */
	put_page(4, 1, BLOCK, CAPACITY, MIMALLOC_HEAP_GC);
	memset(target.bytes + block_at(4, 0), 0, CAPACITY * BLOCK);
	for (unsigned i = 0; i < CAPACITY; i++)
		put(block_at(4, i) + 8, UINT64_C(0xfdfdfdfdfdfdfd00) | 'o', 8);
	track(16);
	assert_int_equal(tracked(16), ALL);
	/* heaps of other things are passed over, but are pages all the same */
	put_page(4, 1, BLOCK, CAPACITY, MIMALLOC_HEAP_OBJECT);
	assert_int_equal(tracked(16), 0);
	mimalloc_cursor_init(&target.cursor, &target.layout, &target.reader);
	assert_true(mimalloc_cursor_next_page(&target.cursor));
	assert_int_equal(target.cursor.page.start, base + block_at(4, 0));
	assert_false(mimalloc_cursor_next_page(&target.cursor));
}

static uint64_t encode(uint64_t link, const uint64_t keys[2])
{
	const unsigned shift = keys[0] % 64;
	link ^= keys[1];
	link = shift == 0 ? link : link << shift | link >> (64 - shift);
	return link + keys[0];
}

static void links_of_debug_builds(void **state)
{
	(void)state;
	const uint64_t keys[][2] = { { UINT64_C(0x123456789abcdef1), UINT64_C(0xfedcba9876543210) }, { 64, 3 } };
	set_field(FIELD_mi_page_t_keys, 48, 16, 0, 0);
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		put_page(4, 1, BLOCK, CAPACITY, MIMALLOC_HEAP_GC);
		memcpy(target.bytes + entry_of(4) + 48, keys[i], sizeof keys[i]);
		put(entry_of(4) + 16, base + block_at(4, 3), 8);
		put(block_at(4, 3), encode(base + block_at(4, 8), keys[i]), 8);
		put(block_at(4, 8), encode(base + entry_of(4), keys[i]), 8); /* the end */
		track(0);
		assert_int_equal(tracked(0), ALL & ~(1 << 3 | 1 << 8));
		assert_false(target.cursor.is_broken);
	}
	assert_int_equal(mimalloc_padding(&target.layout), 8);
}

static void sizes_of_blocks(void **state)
{
	(void)state;
	const struct {
		uint64_t requested, bytes;
	} known[] = { { 0, 8 },          { 1, 8 },         { 8, 8 },         { 9, 16 },          { 24, 32 },
		      { 33, 48 },        { 64, 64 },       { 65, 80 },       { 81, 96 },         { 128, 128 },
		      { 129, 160 },      { 161, 192 },     { 320, 320 },     { 321, 384 },       { 1024, 1024 },
		      { 1025, 1280 },    { 10000, 10240 }, { 65536, 65536 }, { 131072, 131072 }, { 131073, 135168 },
		      { 600000, 655360 } };
	uint64_t slack;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		assert_int_equal(mimalloc_block_bytes(known[i].requested, &slack), known[i].bytes);
		assert_int_equal(slack, 0);
	}
	uint64_t before = 0;
	for (uint64_t bytes = 1; bytes < 200000; bytes++) {
		const uint64_t block = mimalloc_block_bytes(bytes, &slack);
		assert_true(block >= bytes && block >= before);
		before = block;
	}
	assert_int_equal(mimalloc_block_bytes(UINT64_C(100) << 20, &slack), UINT64_C(100) << 20);
	assert_int_equal(slack, 2 * SLICE);
	assert_int_equal(mimalloc_block_bytes(UINT64_MAX, &slack), UINT64_MAX);
	assert_int_equal(mimalloc_padding(&target.layout), 0);
}

static void torn_lists(void **state)
{
	(void)state;
	put_page(4, 1, BLOCK, CAPACITY, MIMALLOC_HEAP_GC);
	track(0);
	const uint64_t wrong[] = {
		base + block_at(4, 6), /* itself: a ring */
		base + block_at(4, 6) + 8, /* inside a block */
		base + block_at(4, CAPACITY), /* behind the last */
		base + block_at(4, 0) - BLOCK, 1, UINT64_MAX, UINT64_C(0x7fffdeadbeef),
	};
	struct mimalloc_page page;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		put(entry_of(4) + 16, base + block_at(4, 6), 8);
		put(block_at(4, 6), wrong[i], 8);
		assert_int_equal(tracked(0), ALL & ~(1 << 6));
		assert_true(target.cursor.is_broken);
		assert_true(mimalloc_page_at(&target.layout, &target.reader, base + block_at(4, 0), &page));
		assert_true(mimalloc_is_free(&target.layout, &target.reader, &page, 6));
		assert_false(mimalloc_is_free(&target.layout, &target.reader, &page, 7));
	}
}

static void hostile_descriptions(void **state)
{
	(void)state;
	struct mimalloc_page page;
	const struct {
		uint64_t offset, value;
		size_t size;
	} wrong[] = {
		{ 224, 511, 8 },
		{ 232, 0, 8 },
		{ 232, 512, 8 },
		{ 248, 0, 8 },
		{ 248, 513, 8 },
		{ 248, UINT64_MAX, 8 },
		{ entry_of(0), 3, 4 },
		{ entry_of(4), 0, 4 },
		{ entry_of(4) + 28, 0, 4 },
		{ entry_of(4) + 28, 1, 4 },
		{ entry_of(4) + 28, 60, 4 },
		{ entry_of(4) + 28, 0x7ffffff8, 4 },
		{ entry_of(4) + 8, 15 << 3, 1 },
		{ entry_of(4) + 4, 7, 4 },
		{ entry_of(4) + 4, 0xffffffff, 4 },
		{ entry_of(4) + 4, 5 * PAGE_BYTES, 4 },
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		uint8_t kept[8];
		put_page(4, 1, BLOCK, CAPACITY, MIMALLOC_HEAP_GC);
		memcpy(kept, target.bytes + wrong[i].offset, sizeof kept);
		assert_true(mimalloc_page_at(&target.layout, &target.reader, base + block_at(4, 0), &page));
		put(wrong[i].offset, wrong[i].value, wrong[i].size);
		assert_false(mimalloc_page_at(&target.layout, &target.reader, base + block_at(4, 0), &page));
		/* It ends, whatever it finds. */
		uint8_t bits;
		mimalloc_cursor_init(&target.cursor, &target.layout, &target.reader);
		while (mimalloc_cursor_next(&target.cursor, &bits) != 0)
			;
		mimalloc_cursor_init(&target.cursor, &target.layout, &target.reader);
		while (mimalloc_cursor_next_page(&target.cursor))
			;
		memcpy(target.bytes + wrong[i].offset, kept, sizeof kept);
	}
	/* Noise everywhere a description can be. */
	srand(1);
	for (int round = 0; round < 200; round++) {
		uint8_t bits;
		put_page(4, 1, BLOCK, CAPACITY, MIMALLOC_HEAP_GC);
		for (int i = 0; i < 40; i++)
			target.bytes[entry_of(2) + (unsigned)rand() % (510 * PAGE_BYTES)] = (uint8_t)rand();
		mimalloc_cursor_init(&target.cursor, &target.layout, &target.reader);
		while (mimalloc_cursor_next(&target.cursor, &bits) != 0)
			;
	}
}

static void builds_without(void **state)
{
	(void)state;
	struct mimalloc_page page;
	uint8_t bits;
	put_page(4, 1, BLOCK, CAPACITY, MIMALLOC_HEAP_GC);
	set_field(FIELD_mi_segment_t_slices, 0, 0, 0, 0);
	assert_false(mimalloc_page_at(&target.layout, &target.reader, base + block_at(4, 0), &page));
	mimalloc_cursor_init(&target.cursor, &target.layout, &target.reader);
	assert_int_equal(mimalloc_cursor_next(&target.cursor, &bits), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(pages_by_address, open_target, close_target),
		cmocka_unit_test_setup_teardown(tracked_objects_and_free_blocks, open_target, close_target),
		cmocka_unit_test_setup_teardown(what_stands_before_objects, open_target, close_target),
		cmocka_unit_test_setup_teardown(links_of_debug_builds, open_target, close_target),
		cmocka_unit_test_setup_teardown(sizes_of_blocks, open_target, close_target),
		cmocka_unit_test_setup_teardown(torn_lists, open_target, close_target),
		cmocka_unit_test_setup_teardown(hostile_descriptions, open_target, close_target),
		cmocka_unit_test_setup_teardown(builds_without, open_target, close_target),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
