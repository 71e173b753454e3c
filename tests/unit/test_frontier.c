/* SPDX-License-Identifier: MIT
 * The set of visited objects, and the frontier that fills it: each object is given out once, whatever leads to it, in
 * which order, and how many threads ask; what is no object is counted and hides nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../support/small_heap.h"
#include "base/threads.h"
#include "graph/frontier.h"

enum { OBJECTS = 3000, THREADS = 3, HEAP_BYTES = 1 << 20 };

static uint64_t random_state = 20261127;

static uint64_t random_below(uint64_t limit)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (random_state >> 33) % limit;
}

/* ---- visited ---- */

static void places_are_told_apart(void **state)
{
	(void)state;
	struct small_heap heap;
	struct visited visited;
	small_heap_make(&heap, HEAP_BYTES);
	for (int i = 0; i < OBJECTS; i++)
		(void)small_heap_tuple(&heap, 0);
	small_heap_open(&heap);
	assert_true(visited_open(&visited, heap.space));
	const struct segment *segment = address_space_find(heap.space, SMALL_HEAP_START);
	const uint64_t words = heap.used / 8;
	uint8_t *model = calloc(1, words);
	assert_non_null(model);
	for (int round = 0; round < 3; round++) {
		if (round == 2)
			visited_share(&visited);
		/* Few of them first: then only the words that were touched are cleared. */
		for (uint64_t i = 0; i < (round == 0 ? 100 : 4 * words); i++) {
			const uint64_t word = random_below(words);
			const uint64_t place = visited_place(&visited, segment, SMALL_HEAP_START + 8 * word);
			assert_int_equal(visited_has(&visited, place), model[word]);
			assert_int_equal(round == 2 ? visited_add_shared(&visited, place)
			                            : visited_add(&visited, place),
			                 !model[word]);
			model[word] = 1;
		}
		visited_clear(&visited);
		memset(model, 0, words);
		for (uint64_t word = 0; word < words; word++)
			assert_false(
			        visited_has(&visited, visited_place(&visited, segment, SMALL_HEAP_START + 8 * word)));
	}
	free(model);
	visited_close(&visited);
	small_heap_close(&heap);
}

/* ---- frontier ---- */

/* A heap in which everything is reached from the first object, and each object from many. */
static void make_web(struct small_heap *heap, uint64_t *objects)
{
	small_heap_make(heap, HEAP_BYTES);
	for (int i = 0; i < OBJECTS; i++) {
		small_heap_align(heap, 8 * random_below(2));
		objects[i] = small_heap_tuple(heap, 4);
	}
	for (int i = 0; i < OBJECTS; i++) {
		if (2 * i + 1 < OBJECTS)
			small_heap_put(heap, small_heap_slot(heap, objects[i], 0), objects[2 * i + 1]);
		if (2 * i + 2 < OBJECTS)
			small_heap_put(heap, small_heap_slot(heap, objects[i], 1), objects[2 * i + 2]);
		small_heap_put(heap, small_heap_slot(heap, objects[i], 2), objects[random_below(OBJECTS)]);
		/* Half of all: a word in the middle of an object, or nowhere. */
		if (i % 2 == 0)
			small_heap_put(heap, small_heap_slot(heap, objects[i], 3),
			               i % 4 == 0 ? objects[random_below(OBJECTS)] + 4 : UINT64_C(0x4000));
	}
	small_heap_open(heap);
}

static void start(struct frontier *frontier, uint64_t object)
{
	struct upcoming first;
	assert_true(frontier_take(frontier, object, &first));
	assert_true(frontier_decode(frontier, &first));
}

static uint32_t drain(struct frontier *frontier)
{
	uint32_t count = 0;
	for (const struct upcoming *next; (next = frontier_next(frontier)) != NULL; count++)
		(void)frontier_decode(frontier, next);
	return count;
}

static void each_object_once(void **state)
{
	(void)state;
	static uint64_t objects[OBJECTS];
	struct small_heap heap;
	struct visited visited;
	struct frontier frontier;
	struct upcoming again;
	make_web(&heap, objects);
	assert_true(visited_open(&visited, heap.space));
	frontier_init(&frontier, &heap.decoder, &visited);
	heap.decoder.skip_class = true;
	start(&frontier, objects[0]);
	assert_int_equal(drain(&frontier), OBJECTS - 1);
	assert_int_equal(frontier.coverage.corrupt, OBJECTS / 2);
	assert_int_equal(frontier.slots_drawn, OBJECTS - 1 + OBJECTS + OBJECTS / 2);
	for (int i = 0; i < OBJECTS; i++)
		assert_false(frontier_take(&frontier, objects[i], &again));
	/* What was no object is no object the next time, and is counted again. */
	assert_false(frontier_take(&frontier, objects[1] + 4, &again));
	assert_int_equal(frontier.coverage.corrupt, OBJECTS / 2 + 1);
	frontier_clear(&frontier);
	visited_close(&visited);
	small_heap_close(&heap);
}

struct crew {
	struct small_heap heap;
	struct visited visited;
	struct frontier_pool pool;
	struct member {
		struct decoder decoder;
		struct frontier frontier;
		uint32_t found;
	} members[THREADS];
};

static void work(void *context, unsigned number)
{
	struct crew *crew = context;
	struct member *member = &crew->members[number];
	if (number > 0)
		frontier_join(&member->frontier, &crew->pool);
	member->frontier.is_patient = true;
	member->found = drain(&member->frontier);
	frontier_leave(&member->frontier);
}

static void each_object_once_by_several_threads(void **state)
{
	(void)state;
	static uint64_t objects[OBJECTS];
	static struct crew crew;
	make_web(&crew.heap, objects);
	assert_true(visited_open(&crew.visited, crew.heap.space));
	assert_true(frontier_pool_open(&crew.pool));
	visited_share(&crew.visited);
	for (unsigned i = 0; i < THREADS; i++) {
		decoder_init(&crew.members[i].decoder, crew.heap.context);
		crew.members[i].decoder.skip_class = true;
		frontier_init(&crew.members[i].frontier, &crew.members[i].decoder, &crew.visited);
	}
	crew.members[0].frontier.pool = &crew.pool;
	start(&crew.members[0].frontier, objects[0]);
	crew_run(THREADS, work, &crew);
	uint64_t found = 0, corrupt = 0;
	for (unsigned i = 0; i < THREADS; i++) {
		struct member *member = &crew.members[i];
		/* One that began when all others were done has nothing left. */
		member->frontier.pool = NULL;
		member->frontier.is_patient = false;
		found += member->found + drain(&member->frontier);
		corrupt += member->frontier.coverage.corrupt;
		frontier_clear(&member->frontier);
		decoder_clear(&member->decoder);
	}
	assert_int_equal(found, OBJECTS - 1);
	assert_int_equal(corrupt, OBJECTS / 2);
	frontier_pool_close(&crew.pool);
	visited_close(&crew.visited);
	small_heap_close(&crew.heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_are_told_apart),
		cmocka_unit_test(each_object_once),
		cmocka_unit_test(each_object_once_by_several_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
