/* SPDX-License-Identifier: MIT
 * The three states of an address, readers across segments, and how claims become segments. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "memory/space_source.h"

static uint8_t bytes[1 << 16];

static void fill(void)
{
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 256);
}

static struct segment present(uint64_t start, uint64_t size, const uint8_t *data)
{
	return (struct segment){ .start = start, .end = start + size, .data = data, .writable_private = true };
}

static struct segment absent(uint64_t start, uint64_t size, enum absent_reason reason)
{
	return (struct segment){ .start = start, .end = start + size, .absent = (uint8_t)reason };
}

static struct address_space *space_of(const struct segment *claims, size_t count)
{
	struct address_space *space;
	struct error error = { .status = OK };
	assert_int_equal(address_space_create(&space, SPACE_BUFFER, &error), OK);
	assert_int_equal(address_space_set_segments(space, claims, count, &error), OK);
	return space;
}

static void buffer_is_read_in_place(void **state)
{
	(void)state;
	struct address_space *space;
	struct error error = { .status = OK };
	struct reader reader;
	uint64_t value;
	assert_int_equal(address_space_open_buffer(&space, 0x1000, bytes, 100, &error), OK);
	reader_init(&reader, space);
	assert_ptr_equal(reader_at(&reader, 0x1000, 100), bytes);
	assert_ptr_equal(reader_at(&reader, 0x1063, 1), bytes + 99);
	assert_null(reader_at(&reader, 0x1063, 2));
	assert_null(reader_at(&reader, 0xfff, 1));
	assert_null(reader_at(&reader, 0x1000, UINT64_MAX));
	assert_true(reader_u64(&reader, 0x1008, &value));
	assert_memory_equal(&value, bytes + 8, 8);
	assert_false(reader_u64(&reader, 0x105d, &value));
	assert_int_equal(address_space_state(space, 0x1063), MEMORY_PRESENT);
	assert_int_equal(address_space_state(space, 0x1064), MEMORY_UNMAPPED);
	address_space_close(space);
	assert_int_equal(address_space_open_buffer(&space, UINT64_MAX - 50, bytes, 100, &error), ERROR_ARGUMENT);
}

static void touching_segments_are_one_only_if_host_memory_is(void **state)
{
	(void)state;
	struct segment claims[] = {
		present(0x2000, 0x1000, bytes + 0x1000),   present(0x1000, 0x1000, bytes),
		present(0x3000, 0x1000, bytes + 0x8000),   absent(0x4000, 0x1000, ABSENT_NOT_DUMPED),
		absent(0x5000, 0x1000, ABSENT_NOT_DUMPED),
	};
	struct address_space *space = space_of(claims, 5);
	struct reader reader;
	uint8_t copy[0x3000];
	assert_int_equal(space->segment_count, 3);
	assert_int_equal(space->segments[0].end, 0x3000);
	assert_int_equal(space->segments[2].end, 0x6000);
	reader_init(&reader, space);
	assert_null(reader_at(&reader, 0x2fff, 2));
	assert_true(reader_copy(&reader, 0x1000, copy, 0x3000));
	assert_memory_equal(copy, bytes, 0x2000);
	assert_memory_equal(copy + 0x2000, bytes + 0x8000, 0x1000);
	assert_false(reader_copy(&reader, 0x3fff, copy, 2));
	assert_int_equal(space->coverage.mapped, 0x5000);
	assert_int_equal(space->coverage.present, 0x3000);
	assert_int_equal(space->coverage.absent_not_dumped, 0x2000);
	address_space_close(space);
}

static void better_known_claims_win(void **state)
{
	(void)state;
	struct segment file = present(0x1000, 0x4000, bytes + 0x4000);
	file.from_file = true;
	struct segment claims[] = { absent(0x0, 0x8000, ABSENT_NOT_DUMPED), absent(0x1000, 0x6000, ABSENT_NO_FILE),
		                    file, present(0x2000, 0x1000, bytes), present(0x2800, 0x1000, bytes + 0x9000) };
	struct address_space *space = space_of(claims, 5);
	const struct {
		uint64_t start, end;
		const uint8_t *data;
		uint8_t reason;
	} expected[] = { { 0, 0x1000, NULL, ABSENT_NOT_DUMPED },         { 0x1000, 0x2000, bytes + 0x4000, ABSENT_NOT },
		         { 0x2000, 0x3000, bytes, ABSENT_NOT },          { 0x3000, 0x3800, bytes + 0x9800, ABSENT_NOT },
		         { 0x3800, 0x5000, bytes + 0x6800, ABSENT_NOT }, { 0x5000, 0x7000, NULL, ABSENT_NO_FILE },
		         { 0x7000, 0x8000, NULL, ABSENT_NOT_DUMPED } };
	assert_int_equal(space->segment_count, sizeof expected / sizeof expected[0]);
	for (size_t i = 0; i < space->segment_count; i++) {
		assert_int_equal(space->segments[i].start, expected[i].start);
		assert_int_equal(space->segments[i].end, expected[i].end);
		assert_ptr_equal(space->segments[i].data, expected[i].data);
		assert_int_equal(space->segments[i].absent, expected[i].reason);
	}
	address_space_close(space);
}

/* Against a byte-wise painter, on a small range, for many random lists. */
static void resolution_equals_painting(void **state)
{
	(void)state;
	enum { RANGE = 200, CLAIMS = 12 };
	uint32_t random = 12345;
	for (int round = 0; round < 2000; round++) {
		struct segment claims[CLAIMS];
		int owner[RANGE];
		memset(owner, -1, sizeof owner);
		for (int i = 0; i < CLAIMS; i++) {
			random = random * 1664525 + 1013904223;
			uint64_t start = random >> 8 & 127, size = random >> 16 & 63;
			claims[i] = (random >> 30 & 1) != 0
			                    ? present(start, size, bytes + 300 * i)
			                    : absent(start, size, (random >> 29 & 1) + ABSENT_NOT_DUMPED);
			for (uint64_t a = start; a < start + size; a++) {
				int other = owner[a];
				bool better = other < 0 || (claims[i].data != NULL && claims[other].data == NULL) ||
				              (claims[i].data == NULL && claims[other].data == NULL &&
				               claims[i].absent == ABSENT_TRUNCATED &&
				               claims[other].absent != ABSENT_TRUNCATED);
				owner[a] = better ? i : other;
			}
		}
		struct address_space *space = space_of(claims, CLAIMS);
		struct reader reader;
		reader_init(&reader, space);
		for (uint64_t a = 0; a < RANGE; a++) {
			const struct segment *segment = address_space_find(space, a);
			assert_int_equal(segment != NULL, owner[a] >= 0);
			if (segment == NULL)
				continue;
			const struct segment *claim = &claims[owner[a]];
			assert_int_equal(segment->absent, claim->absent);
			assert_ptr_equal(reader_at(&reader, a, 1),
			                 claim->data == NULL ? NULL : claim->data + (a - claim->start));
		}
		address_space_close(space);
	}
}

static void every_segment_is_found(void **state)
{
	(void)state;
	/* Around the borders of MiB and GiB, tiny and huge, and beyond the 48 bits that are indexed. */
	const uint64_t mib = UINT64_C(1) << 20, gib = UINT64_C(1) << 30;
	struct segment claims[] = {
		present(0, 16, bytes),
		present(mib - 8, 8, bytes),
		present(mib + 8, 24, bytes),
		present(gib - 1, 3, bytes),
		absent(3 * gib, 2 * gib, ABSENT_NOT_DUMPED),
		absent(6 * gib + mib, 4 * gib, ABSENT_NOT_DUMPED),
		absent(UINT64_C(100) << 40, UINT64_C(20) << 40, ABSENT_UNREADABLE),
		present((UINT64_C(1) << 48) - 16, 16, bytes),
		present(UINT64_MAX - 0x1000, 0x1000, bytes),
	};
	size_t count = sizeof claims / sizeof claims[0];
	struct address_space *space = space_of(claims, count);
	assert_int_equal(space->segment_count, count);
	for (size_t i = 0; i < count; i++) {
		uint64_t start = claims[i].start, end = claims[i].end, middle = start + (end - start) / 2;
		assert_ptr_equal(address_space_find(space, start), &space->segments[i]);
		assert_ptr_equal(address_space_find(space, middle), &space->segments[i]);
		assert_ptr_equal(address_space_find(space, end - 1), &space->segments[i]);
		if (start != 0)
			assert_null(address_space_find(space, start - 1));
		assert_null(address_space_find(space, end));
	}
	for (uint64_t gap = 10 * gib + 2 * mib; gap < 20 * gib; gap += 100 * mib)
		assert_null(address_space_find(space, gap));
	address_space_close(space);
}

static void many_small_segments_in_one_mebibyte(void **state)
{
	(void)state;
	enum { COUNT = 5000 };
	static struct segment claims[COUNT];
	for (uint64_t i = 0; i < COUNT; i++)
		claims[i] = present(0x7f0000000000 + i * 48, 32, bytes + i);
	struct address_space *space = space_of(claims, COUNT);
	for (uint64_t i = 0; i < COUNT; i++) {
		assert_ptr_equal(address_space_find(space, claims[i].start), &space->segments[i]);
		assert_null(address_space_find(space, claims[i].end + 3));
	}
	address_space_close(space);
}

static void segments_share_no_bit(void **state)
{
	(void)state;
	struct segment claims[] = { present(0x1008, 16, bytes), present(0x1018, 1, bytes + 500),
		                    absent(0x10000, UINT64_C(1) << 45, ABSENT_NOT_DUMPED),
		                    present(UINT64_C(1) << 46, 0x100, bytes) };
	struct address_space *space = space_of(claims, 4);
	uint64_t next = 0;
	for (size_t i = 0; i < 4; i++) {
		const struct segment *segment = &space->segments[i];
		assert_int_equal(segment_granule(segment, segment->start), next);
		uint64_t last = segment_granule(segment, segment->end - 1);
		assert_true(last >= next && last < space->granule_count);
		next = last + 1;
	}
	assert_int_equal(space->granule_count, next);
	/* 2 granules, 1, 1 for all of the absent one, 16. */
	assert_int_equal(next, 20);
	address_space_close(space);
}

static void strings_end_or_fail(void **state)
{
	(void)state;
	static char text[8192];
	memset(text, 'x', sizeof text);
	text[4999] = '\0';
	char buffer[6000];
	struct segment claims[] = { present(0x1000, 4500, (uint8_t *)text),
		                    present(0x1000 + 4500, 3692, (uint8_t *)text + 4500) };
	claims[1].protection = 4;
	struct address_space *space = space_of(claims, 2);
	struct reader reader;
	reader_init(&reader, space);
	assert_int_equal(space->segment_count, 2);
	assert_true(reader_string(&reader, 0x1000, buffer, sizeof buffer));
	assert_int_equal(strlen(buffer), 4999);
	assert_true(reader_string(&reader, 0x1000, buffer, 5000));
	assert_false(reader_string(&reader, 0x1000, buffer, 4999));
	assert_true(reader_string(&reader, 0x1000 + 4999, buffer, 1));
	assert_string_equal(buffer, "");
	assert_false(reader_string(&reader, 0x1000 + 5000, buffer, sizeof buffer));
	assert_false(reader_string(&reader, 0x500, buffer, sizeof buffer));
	address_space_close(space);
}

int main(void)
{
	fill();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buffer_is_read_in_place),
		cmocka_unit_test(touching_segments_are_one_only_if_host_memory_is),
		cmocka_unit_test(better_known_claims_win),
		cmocka_unit_test(resolution_equals_painting),
		cmocka_unit_test(every_segment_is_found),
		cmocka_unit_test(many_small_segments_in_one_mebibyte),
		cmocka_unit_test(segments_share_no_bit),
		cmocka_unit_test(strings_end_or_fail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
