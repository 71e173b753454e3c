/* SPDX-License-Identifier: MIT
 * Which words of doubtful runs somebody else has, against a look at every run; and where objects may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "graph/object_places.h"
#include "graph/word_owners.h"
#include "object/type_flags.h"

enum { ROUNDS = 3000, MOST_RUNS = 12, WORDS = 64, MOST_WORDS = 20, BASE = 0x1000 };

static uint64_t random_state = 20261127;

static uint64_t random_below(uint64_t limit)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (random_state >> 33) % limit;
}

static struct holder_run random_run(uint32_t holders)
{
	return (struct holder_run){
		.holder = (uint32_t)random_below(holders),
		.run = { .address = BASE + 8 * random_below(WORDS), .count = 1 + random_below(MOST_WORDS), .stride = 8 }
	};
}

static bool covers(const struct run *run, uint64_t address)
{
	return address >= run->address && address < run->address + run->count * run->stride;
}

static bool is_known(const struct roots *roots, uint32_t number, uint64_t address)
{
	for (size_t i = 0; i < roots->runs.count; i++) {
		const enum holder_kind kind = holders_kind(&roots->holders, roots->runs.items[i].holder);
		if ((kind == HOLDER_INTERPRETER || kind == HOLDER_THREAD) && covers(&roots->runs.items[i].run, address))
			return true;
	}
	for (size_t i = 0; i < number; i++)
		if (covers(&roots->doubtful.items[i].run, address))
			return true;
	return false;
}

static void random_runs(void **state)
{
	(void)state;
	static const enum holder_kind kinds[] = { HOLDER_INTERPRETER, HOLDER_THREAD, HOLDER_FRAME, HOLDER_STATIC };
	for (int round = 0; round < ROUNDS; round++) {
		struct roots roots = { .runtime_holder = 0 };
		struct word_owners owners;
		for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
			assert_true(holders_push(&roots.holders, &(struct holder){ .kind = kinds[i] }));
		for (uint64_t i = random_below(MOST_RUNS); i > 0; i--)
			assert_true(array_push(&roots.runs, random_run(4)));
		for (uint64_t i = random_below(MOST_RUNS); i > 0; i--)
			assert_true(array_push(&roots.doubtful, random_run(4)));
		assert_true(word_owners_open(&owners, &roots));
		for (uint32_t number = 0; number < roots.doubtful.count; number++) {
			const struct run *run = &roots.doubtful.items[number].run;
			for (uint64_t i = 0; i < run->count; i++)
				assert_int_equal(word_owners_has(&owners, number, run->address + 8 * i),
				                 is_known(&roots, number, run->address + 8 * i));
		}
		word_owners_close(&owners);
		roots_clear(&roots);
	}
}

static void places(void **state)
{
	(void)state;
	struct place_range ranges[] = { { 0x1000, 0x2000, PLACE_STATIC }, { 0x5000, 0x6000, PLACE_STACK } };
	const struct object_places places = { .ranges = ranges, .count = 2 };
	assert_int_equal(object_places_find(&places, 0xfff), PLACE_HEAP);
	assert_int_equal(object_places_find(&places, 0x1000), PLACE_STATIC);
	assert_int_equal(object_places_find(&places, 0x1fff), PLACE_STATIC);
	assert_int_equal(object_places_find(&places, 0x2000), PLACE_HEAP);
	assert_int_equal(object_places_find(&places, 0x5ff8), PLACE_STACK);
	assert_int_equal(object_places_find(&places, UINT64_MAX), PLACE_HEAP);
	const struct type_info heap_type = { .flags = TYPE_IS_HEAP }, static_type = { .flags = 0 },
	                       error = { .tp_flags = TPFLAGS_BASE_EXC_SUBCLASS };
	assert_true(object_places_allow(PLACE_HEAP, &heap_type));
	assert_false(object_places_allow(PLACE_STATIC, &heap_type));
	assert_false(object_places_allow(PLACE_STACK, &heap_type));
	assert_true(object_places_allow(PLACE_STATIC, &static_type));
	assert_true(object_places_allow(PLACE_HEAP, &error));
	assert_false(object_places_allow(PLACE_STATIC, &error));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(random_runs), cmocka_unit_test(places) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
