/* SPDX-License-Identifier: MIT
 * sort: the order that qsort() would make, equal items as they stood; cancelled anywhere, at once and with every item
 * still there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/sort.h"

enum { MOST = 5 * PROGRESS_INTERVAL + 7 };

struct item {
	uint32_t key, place;
	uint64_t more;
};

static int compare(const void *left, const void *right)
{
	const uint32_t a = ((const struct item *)left)->key, b = ((const struct item *)right)->key;
	return a < b ? -1 : a > b;
}

/* context: by which sign. */
static int compare_signed(const void *left, const void *right, void *context)
{
	return *(const int *)context * compare(left, right);
}

static void fill(struct item *items, uint32_t count, uint32_t keys)
{
	uint64_t random = count + UINT64_C(7) * keys;
	for (uint32_t i = 0; i < count; i++) {
		random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		items[i] = (struct item){ (uint32_t)(random >> 33) % keys, i, (random >> 33) ^ i };
	}
}

static void every_length(void **state)
{
	static const uint32_t counts[] = {
		0, 1, 2, 100, PROGRESS_INTERVAL, PROGRESS_INTERVAL + 1, 3 * PROGRESS_INTERVAL, MOST
	};
	static struct item items[MOST];
	int sign = -1;
	(void)state;
	for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++)
		for (uint32_t keys = 1; keys < 100000; keys *= 17) {
			const uint32_t count = counts[c];
			fill(items, count, keys);
			assert_int_equal(sort_items(items, count, sizeof *items, compare, NULL), OK);
			for (uint32_t i = 1; i < count; i++)
				assert_true(items[i - 1].key < items[i].key ||
				            (items[i - 1].key == items[i].key && items[i - 1].place < items[i].place));
			const struct sort_order down = { compare_signed, &sign };
			assert_int_equal(sort_items_by(items, count, sizeof *items, down, NULL), OK);
			for (uint32_t i = 1; i < count; i++)
				assert_true(items[i - 1].key >= items[i].key);
		}
}

static void cancelled_anywhere(void **state)
{
	static struct item items[MOST];
	static bool is_there[MOST];
	struct progress whole = { .cancel_at = 0 };
	(void)state;
	fill(items, MOST, 1000);
	assert_int_equal(sort_items(items, MOST, sizeof *items, compare, &whole), OK);
	/* A look at each piece, and then one for as many steps of merging: 6 pieces are merged in 3 passes. */
	assert_in_range(whole.looks, 6 + 3 * 5, 6 + 3 * 6);
	for (uint64_t at = 1; at <= whole.looks; at++) {
		struct progress progress = { .cancel_at = at };
		fill(items, MOST, 1000);
		assert_int_equal(sort_items(items, MOST, sizeof *items, compare, &progress), ERROR_CANCELLED);
		assert_int_equal(progress.looks, at);
		memset(is_there, 0, sizeof is_there);
		for (uint32_t i = 0; i < MOST; i++) {
			assert_false(is_there[items[i].place]);
			is_there[items[i].place] = true;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_length),
		cmocka_unit_test(cancelled_anywhere),
	};
	return cmocka_run_group_tests_name("sort", tests, NULL, NULL);
}
