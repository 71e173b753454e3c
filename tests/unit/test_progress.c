/* SPDX-License-Identifier: MIT
 * Progress: every interval is counted once, cancel is seen at the next one, and NULL is "nobody asks". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/progress.h"

static void steps_are_counted_by_intervals(void **state)
{
	(void)state;
	struct progress progress = { .done = 0 };
	uint64_t steps = 0;
	for (int i = 0; i < 3 * PROGRESS_INTERVAL + 5; i++)
		assert_int_equal(progress_step(&progress, &steps), OK);
	assert_int_equal(progress.done, 3 * PROGRESS_INTERVAL);
	progress_expect(&progress, 100);
	assert_int_equal(progress.total, 3 * PROGRESS_INTERVAL + 100);
	for (int i = 0; i < PROGRESS_INTERVAL; i++)
		assert_int_equal(progress_look(&progress, &steps), OK);
	assert_int_equal(progress.done, 3 * PROGRESS_INTERVAL);
}

static void cancel_is_seen_within_an_interval(void **state)
{
	(void)state;
	struct progress progress = { .done = 0 };
	struct error error = { 0 };
	uint64_t steps = 1, looks = 1;
	int more = 0;
	assert_int_equal(progress_check(&progress, &error), OK);
	progress_cancel(&progress);
	while (progress_step(&progress, &steps) == OK && progress_look(&progress, &looks) == OK)
		assert_true(more++ < PROGRESS_INTERVAL);
	assert_int_equal(progress_check(&progress, &error), ERROR_CANCELLED);
	assert_string_equal(error.message, "cancelled");
}

static void nobody_asks(void **state)
{
	(void)state;
	uint64_t steps = PROGRESS_INTERVAL - 1;
	assert_int_equal(progress_step(NULL, &steps), OK);
	progress_expect(NULL, 1);
	assert_int_equal(progress_add(NULL, 1), OK);
	assert_int_equal(progress_check(NULL, NULL), OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_are_counted_by_intervals),
		cmocka_unit_test(cancel_is_seen_within_an_interval),
		cmocka_unit_test(nobody_asks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
