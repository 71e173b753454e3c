/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/threads.h"
#include "base/large_block.h"

struct seen {
	atomic_uint runs[CREW_MOST];
	pthread_t threads[CREW_MOST];
	bool blocks_interrupt[CREW_MOST];
};

static void look(void *context, unsigned member)
{
	struct seen *seen = context;
	sigset_t blocked;
	atomic_fetch_add(&seen->runs[member], 1);
	seen->threads[member] = pthread_self();
	(void)pthread_sigmask(SIG_BLOCK, NULL, &blocked);
	seen->blocks_interrupt[member] = sigismember(&blocked, SIGINT) == 1;
}

static void each_member_runs_once_and_blocks_signals(void **state)
{
	(void)state;
	for (unsigned count = 1; count <= CREW_MOST; count++) {
		struct seen seen = { .threads = { 0 } };
		crew_run(count, look, &seen);
		for (unsigned member = 0; member < CREW_MOST; member++)
			assert_int_equal(atomic_load(&seen.runs[member]), member < count);
		assert_true(pthread_equal(seen.threads[0], pthread_self()));
		assert_false(seen.blocks_interrupt[0]);
		for (unsigned member = 1; member < count; member++) {
			assert_false(pthread_equal(seen.threads[member], pthread_self()));
			assert_true(seen.blocks_interrupt[member]);
		}
	}
}

static void a_crew_has_a_member_and_not_too_many(void **state)
{
	(void)state;
	assert_in_range(crew_size(), 1, CREW_MOST);
}

static void blocks_of_any_size_are_there_and_zero(void **state)
{
	static const uint64_t counts[] = { 0, 1, 1000, (1 << 20) - 1, (1 << 20) + 1, 3000001 };
	(void)state;
	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
		uint32_t *block = large_allocate_zero(counts[i], sizeof *block);
		assert_non_null(block);
		for (uint64_t at = 0; at < counts[i]; at++)
			assert_int_equal(block[at], 0);
		large_free(block);
		block = large_allocate(counts[i], sizeof *block);
		assert_non_null(block);
		for (uint64_t at = 0; at < counts[i]; at++)
			block[at] = (uint32_t)at;
		block = large_reallocate(block, counts[i] + 100, sizeof *block);
		assert_non_null(block);
		for (uint64_t at = 0; at < counts[i]; at++)
			assert_int_equal(block[at], at);
		large_free(block);
	}
	assert_null(large_allocate(UINT64_MAX, 4));
	assert_null(large_allocate(UINT64_MAX / 4, 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_member_runs_once_and_blocks_signals),
		cmocka_unit_test(a_crew_has_a_member_and_not_too_many),
		cmocka_unit_test(blocks_of_any_size_are_there_and_zero),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
