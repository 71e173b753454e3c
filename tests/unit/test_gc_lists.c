/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "runtime/gc_lists.h"

enum { HEAD_BYTES = 16, HEADS = 16 };
static uint64_t base = 0x7f0000000000;

struct ring {
	uint64_t words[HEADS * HEAD_BYTES / 8];
	struct address_space *space;
	struct reader reader;
	struct gc_cursor cursor;
};

static uint64_t head_at(unsigned i)
{
	return base + (uint64_t)i * HEAD_BYTES;
}

/* Head 0 is the list's; next[i] follows head i. */
static void ring_open(struct ring *ring, const uint64_t *next, unsigned count)
{
	struct error error = { 0 };
	const struct gc_list list = { .head = base };
	*ring = (struct ring){ .space = NULL };
	for (unsigned i = 0; i < count; i++)
		ring->words[2 * i] = next[i];
	assert_int_equal(
	        address_space_open_buffer(&ring->space, base, (const uint8_t *)ring->words, sizeof ring->words, &error),
	        OK);
	reader_init(&ring->reader, ring->space);
	gc_cursor_init(&ring->cursor, &ring->reader, &list);
}

/* How many objects come, none of them twice more than a ring's search needs. */
static unsigned walk(struct ring *ring)
{
	unsigned count = 0;
	while (gc_cursor_next(&ring->cursor) != 0 && count < 1000)
		count++;
	assert_int_equal(gc_cursor_next(&ring->cursor) != 0 && count == 1000, false);
	address_space_close(ring->space);
	return count;
}

static void a_sound_list_is_walked_once(void **state)
{
	(void)state;
	struct ring ring;
	const uint64_t next[] = { head_at(1), head_at(2) | 1, head_at(3), head_at(4), head_at(0) };
	ring_open(&ring, next, 5);
	assert_int_equal(walk(&ring), 4);
	assert_false(ring.cursor.is_broken);
}

/* As Debian's 3.13 has its generations, with its collector at rest: links are looked at both ways. */
static void a_head_at_a_multiple_of_four(void **state)
{
	(void)state;
	struct ring ring;
	base += 4;
	const uint64_t next[] = { head_at(1), head_at(2), head_at(0) };
	ring_open(&ring, next, 3);
	for (unsigned i = 0; i < 3; i++)
		ring.words[2 * i + 1] = head_at((i + 2) % 3);
	ring.cursor.is_exact = true;
	assert_int_equal(walk(&ring), 2);
	assert_false(ring.cursor.is_broken);
	base -= 4;
}

static void an_empty_list(void **state)
{
	(void)state;
	struct ring ring;
	const uint64_t next[] = { head_at(0) };
	ring_open(&ring, next, 1);
	assert_int_equal(walk(&ring), 0);
	assert_false(ring.cursor.is_broken);
}

/* What a torn list looks like: it never comes back to the head. */
static void a_ring_without_the_head_ends(void **state)
{
	(void)state;
	for (unsigned back = 1; back < 6; back++) {
		struct ring ring;
		const uint64_t next[] = { head_at(1), head_at(2), head_at(3), head_at(4), head_at(5), head_at(back) };
		ring_open(&ring, next, 6);
		const unsigned count = walk(&ring);
		assert_in_range(count, 5, 40);
		assert_true(ring.cursor.is_broken);
	}
}

static void a_list_that_leaves_memory_is_broken(void **state)
{
	(void)state;
	struct ring ring;
	const uint64_t next[] = { head_at(1), 0x1000 };
	ring_open(&ring, next, 2);
	assert_int_equal(walk(&ring), 2);
	assert_true(ring.cursor.is_broken);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sound_list_is_walked_once),
		cmocka_unit_test(a_head_at_a_multiple_of_four),
		cmocka_unit_test(an_empty_list),
		cmocka_unit_test(a_ring_without_the_head_ends),
		cmocka_unit_test(a_list_that_leaves_memory_is_broken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
