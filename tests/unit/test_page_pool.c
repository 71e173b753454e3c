/* SPDX-License-Identifier: MIT
 * page_pool: blocks that do not overlap, whoever takes and gives them in which order; what was given back is had again
 * only while the pool is kept, whole, in parts or put together, and none of it is left in the end. large_block over it:
 * arrays keep what is in them when they grow from one kind of memory into the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/large_block.h"
#include "base/page_pool.h"
#include "base/threads.h"

enum { PAGE = 4096, HUGE_PAGE = 1 << 21, BLOCKS = 40, ROUNDS = 2000, MEMBERS = 4 };

struct taken {
	uint8_t *bytes;
	uint64_t count;
	uint8_t mark; /* in its first and last byte */
};

static uint64_t random_below(uint64_t *state, uint64_t limit)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (*state >> 33) % limit;
}

static void give(struct taken *block)
{
	assert_int_equal(block->bytes[0], block->mark);
	assert_int_equal(block->bytes[block->count - 1], block->mark);
	assert_int_equal(page_pool_bytes(block->bytes), (block->count + PAGE - 1) / PAGE * PAGE);
	assert_true(page_pool_give(block->bytes));
	block->bytes = NULL;
}

/* Each marks its blocks with numbers of its own: a byte that two have would show. */
static void take_and_give(void *context, unsigned member)
{
	struct taken blocks[BLOCKS] = { { NULL, 0, 0 } };
	uint64_t state = member + 1;
	bool is_fresh;
	(void)context;
	for (int round = 0; round < ROUNDS; round++) {
		struct taken *block = &blocks[random_below(&state, BLOCKS)];
		if (block->bytes != NULL) {
			give(block);
			continue;
		}
		block->count = 1 + random_below(&state, 64 * PAGE);
		block->mark = (uint8_t)(member * BLOCKS + (unsigned)(block - blocks));
		block->bytes = page_pool_take(block->count, &is_fresh);
		assert_non_null(block->bytes);
		block->bytes[0] = block->bytes[block->count - 1] = block->mark;
	}
	for (int i = 0; i < BLOCKS; i++)
		if (blocks[i].bytes != NULL)
			give(&blocks[i]);
}

static void blocks_do_not_overlap(void **state)
{
	(void)state;
	take_and_give(NULL, 0);
	page_pool_keep();
	crew_run(MEMBERS, take_and_give, NULL);
	page_pool_release();
}

static void kept_ones_are_had_again(void **state)
{
	bool is_fresh;
	(void)state;
	page_pool_keep();
	page_pool_keep();
	char *whole = page_pool_take(UINT64_C(10) * PAGE, &is_fresh);
	assert_true(is_fresh);
	assert_int_equal((uintptr_t)whole % (1 << 21), 0);
	assert_true(page_pool_give(whole));
	assert_false(page_pool_give(whole));
	char *part = page_pool_take(UINT64_C(4) * PAGE - 7, &is_fresh);
	assert_false(is_fresh);
	char *rest = page_pool_take(UINT64_C(6) * PAGE, &is_fresh);
	assert_false(is_fresh);
	assert_true(part == whole && rest == whole + 4 * (ptrdiff_t)PAGE);
	page_pool_release();
	/* Given back in either order they are one again. */
	assert_true(page_pool_give(rest) && page_pool_give(part));
	assert_ptr_equal(page_pool_take(UINT64_C(10) * PAGE, &is_fresh), whole);
	assert_false(is_fresh);
	page_pool_release();
	assert_true(page_pool_give(whole));
	char *other = page_pool_take(UINT64_C(10) * PAGE, &is_fresh);
	assert_true(is_fresh);
	assert_true(page_pool_give(other));
}

/* Marks the first bytes of each huge page with its number from `first` on. */
static void mark_huge_pages(uint8_t *block, unsigned count, unsigned first)
{
	for (unsigned i = 0; i < count; i++)
		block[(size_t)i * HUGE_PAGE] = (uint8_t)(first + i);
}

/* Where no piece is large enough, whole huge pages of several become one block, as they are. */
static void pieces_are_put_together(void **state)
{
	bool is_fresh, seen[8] = { false };
	uint8_t *pieces[2];
	(void)state;
	page_pool_keep();
	for (unsigned i = 0; i < 2; i++) {
		pieces[i] = page_pool_take(UINT64_C(3) * HUGE_PAGE + PAGE, &is_fresh);
		assert_non_null(pieces[i]);
		mark_huge_pages(pieces[i], 3, 1 + 3 * i);
	}
	assert_true(page_pool_give(pieces[0]) && page_pool_give(pieces[1]));
	uint8_t *whole = page_pool_take(UINT64_C(5) * HUGE_PAGE, &is_fresh);
	assert_false(is_fresh);
	assert_int_equal(page_pool_bytes(whole), UINT64_C(5) * HUGE_PAGE);
	for (unsigned i = 0; i < 5; i++) {
		const uint8_t mark = whole[(size_t)i * HUGE_PAGE];
		assert_in_range(mark, 1, 6);
		assert_false(seen[mark]);
		seen[mark] = true;
	}
	/* One huge page is left, and what is no whole one: the rest of the next block is fresh, and zero. */
	uint8_t *other = page_pool_take(UINT64_C(2) * HUGE_PAGE + PAGE, &is_fresh);
	assert_true(is_fresh);
	assert_in_range(other[0], 1, 6);
	assert_false(seen[other[0]]);
	assert_int_equal(other[HUGE_PAGE], 0);
	assert_int_equal(other[2 * HUGE_PAGE], 0);
	memset(other, 0xff, (size_t)2 * HUGE_PAGE + PAGE);
	assert_true(page_pool_give(other) && page_pool_give(whole));
	/* What was put together is had again in one piece. */
	assert_ptr_equal(page_pool_take(UINT64_C(5) * HUGE_PAGE, &is_fresh), whole);
	assert_false(is_fresh);
	memset(whole, 0xff, (size_t)5 * HUGE_PAGE);
	page_pool_release();
	assert_true(page_pool_give(whole));
}

static void what_cannot_be_had(void **state)
{
	bool is_fresh;
	char outside[2 * PAGE];
	(void)state;
	assert_null(page_pool_take(0, &is_fresh));
	assert_null(page_pool_take(UINT64_MAX, &is_fresh));
	assert_null(page_pool_take(UINT64_C(1) << 60, &is_fresh));
	assert_false(page_pool_give(NULL));
	assert_false(page_pool_give(outside + PAGE - (uintptr_t)outside % PAGE));
	assert_int_equal(page_pool_bytes(outside), 0);
}

static void arrays_grow_and_shrink(void **state)
{
	static const uint64_t counts[] = { 10, 3 << 20, 5 << 20, 1 << 20, 20 << 20, 100, 0 };
	uint32_t *items = NULL;
	uint64_t before = 0;
	(void)state;
	page_pool_keep();
	for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
		items = large_reallocate(items, counts[c], sizeof *items);
		assert_non_null(items);
		for (uint64_t i = 0; i < counts[c] && i < before; i++)
			if (items[i] != i)
				fail_msg("%lu of %lu items", i, counts[c]);
		for (uint64_t i = 0; i < counts[c]; i++)
			items[i] = (uint32_t)i;
		before = counts[c];
	}
	large_free(items);
	uint32_t *zeros = large_allocate_zero(4 << 20, sizeof *zeros);
	assert_non_null(zeros);
	for (uint64_t i = 0; i < 4 << 20; i++)
		if (zeros[i] != 0)
			fail_msg("item %lu is not zero", i);
	large_free(zeros);
	page_pool_release();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_do_not_overlap),   cmocka_unit_test(kept_ones_are_had_again),
		cmocka_unit_test(pieces_are_put_together), cmocka_unit_test(what_cannot_be_had),
		cmocka_unit_test(arrays_grow_and_shrink),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
